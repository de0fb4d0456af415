// Dialogs about a conversation and about a folder: what they are called, and what becomes of them.

import { html, Button, Dialog, Field, useState } from "../../ui/index.js";
import { heat } from "./transfer.js";

const figure = (text) => (text.trim() === "" ? undefined : Number(text.replace(",", ".")));

/** Details: chat, folders (names), onClose, onChange(more). */
export function Details({ chat, folders, onClose, onChange }) {
  const [told, tell] = useState({ title: chat.title, folder: chat.folder, system: chat.system, temperature: String(chat.temperature ?? "") });
  const set = (name) => (value) => tell({ ...told, [name]: value });
  const temperature = figure(told.temperature);
  const wrong = temperature !== undefined && heat(temperature) === null;
  const save = (event) => {
    event?.preventDefault();
    if (wrong) return;
    onChange({
      title: told.title.trim().slice(0, 200) || chat.title, folder: told.folder.trim().slice(0, 80), system: told.system.trim(), temperature,
    });
    onClose();
  };
  const actions = html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" disabled=${wrong} onClick=${save}>Save<//>`;
  return html`
    <${Dialog} open title="Conversation" onClose=${onClose} actions=${actions}>
      <form class="form" onSubmit=${save}>
        <${Field} label="Name" value=${told.title} onInput=${set("title")} maxlength="200" />
        <${Field} label="Folder" value=${told.folder} onInput=${set("folder")} list=${folders} maxlength="80" hint="Empty: in none. A new name makes a new folder." />
        <${Field} label="Instructions" area=${5} value=${told.system} onInput=${set("system")}
          hint="Sent to the model before the conversation, as its system prompt." />
        <${Field} label="Temperature" value=${told.temperature} onInput=${set("temperature")} inputmode="decimal"
          hint="0 to 2; empty: as the model likes it." error=${wrong ? "A number from 0 to 2." : ""} />
        <button type="submit" class="hidden" tabindex="-1" aria-hidden="true">Save</button>
      </form>
    <//>`;
}

/** FolderName: folder, taken (other names), onClose, onRename(name). */
export function FolderName({ folder, taken, onClose, onRename }) {
  const [name, become] = useState(folder);
  const wanted = name.trim();
  const save = (event) => {
    event?.preventDefault();
    if (!wanted) return;
    if (wanted !== folder) onRename(wanted);
    onClose();
  };
  const actions = html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" disabled=${!wanted} onClick=${save}>Rename<//>`;
  return html`
    <${Dialog} open title="Rename folder" onClose=${onClose} actions=${actions}>
      <form class="form" onSubmit=${save}>
        <${Field} label="Folder's name" value=${name} onInput=${become} maxlength="80"
          hint=${taken.includes(wanted) ? `There is a folder “${wanted}” already: both become one.` : ""} />
      </form>
    <//>`;
}

const counted = (count) => (count === 1 ? "1 conversation" : `${count} conversations`);

/** FolderEnd: folder, count (of its conversations), onClose, onMoveOut, onDelete. */
export function FolderEnd({ folder, count, onClose, onMoveOut, onDelete }) {
  const done = (act) => () => {
    act();
    onClose();
  };
  const actions = html`
    <${Button} onClick=${onClose}>Cancel<//>
    <${Button} kind="danger" onClick=${done(onDelete)}>Delete ${counted(count)} too<//>
    <${Button} kind="main" onClick=${done(onMoveOut)}>Keep what is in it<//>`;
  return html`
    <${Dialog} open title="Delete this folder?" onClose=${onClose} actions=${actions}>
      <p>“${folder}” holds ${counted(count)}. They can stay, outside of any folder, or be deleted from this browser for good.</p>
    <//>`;
}
