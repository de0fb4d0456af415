// What is above a conversation: its name, its model, and what can be done with all of it.

import { html, Button, Dialog, Field, IconButton, Select, useState } from "../../ui/index.js";

const KINDS = [["text", "Text"], ["hybrid", "Text and pictures"], ["image", "Pictures"]];

/** Head: chat, models, folders, saved (it has messages), onChange(more), onExport("md" | "json"), onDelete, onList. */
export function Head({ chat, models, folders, saved, onChange, onExport, onDelete, onList }) {
  const [editing, edit] = useState(false);
  const known = models.some((each) => each.id === chat.model);
  const options = KINDS.flatMap(([type, word]) => models.filter((each) => each.type === type)
    .map(({ id }) => [id, type === "text" ? id : `${id} (${word.toLowerCase()})`]));
  return html`
    <header class="chat-head">
      <span class="chat-opener"><${Button} small icon="menu" onClick=${onList}>Conversations<//></span>
      <h2 class="clip" title=${chat.title}>${chat.title || "New chat"}</h2>
      <${Select} label="Model" hideLabel value=${chat.model} onChange=${(model) => onChange({ model })}
        options=${known ? options : [[chat.model, chat.model ? `${chat.model} (not served here)` : "Choose a model"], ...options]} />
      <span class="chat-do">
        <${IconButton} label="Name, folder and instructions" icon="edit" onClick=${() => edit(true)} />
        <${IconButton} label="Export as Markdown" icon="docs" disabled=${!saved} onClick=${() => onExport("md")} />
        <${IconButton} label="Export as JSON" icon="download" disabled=${!saved} onClick=${() => onExport("json")} />
        <${IconButton} label="Delete conversation" icon="trash" kind="danger" disabled=${!saved} onClick=${onDelete} />
      </span>
      ${editing && html`<${Details} chat=${chat} folders=${folders} onClose=${() => edit(false)} onChange=${onChange} />`}
    </header>`;
}

function Details({ chat, folders, onClose, onChange }) {
  const [told, tell] = useState({ title: chat.title, folder: chat.folder, system: chat.system });
  const set = (name) => (value) => tell({ ...told, [name]: value });
  const save = (event) => {
    event?.preventDefault();
    onChange({ title: told.title.trim().slice(0, 200) || chat.title, folder: told.folder.trim().slice(0, 80), system: told.system.trim() });
    onClose();
  };
  const actions = html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" onClick=${save}>Save<//>`;
  return html`
    <${Dialog} open title="Conversation" onClose=${onClose} actions=${actions}>
      <form class="form" onSubmit=${save}>
        <${Field} label="Name" value=${told.title} onInput=${set("title")} maxlength="200" />
        <${Field} label="Folder" value=${told.folder} onInput=${set("folder")} list=${folders} maxlength="80" hint="Empty: in none. A new name makes a new folder." />
        <${Field} label="Instructions" area=${5} value=${told.system} onInput=${set("system")}
          hint="Sent to the model before the conversation, as its system prompt." />
        <button type="submit" class="hidden" tabindex="-1" aria-hidden="true">Save</button>
      </form>
    <//>`;
}
