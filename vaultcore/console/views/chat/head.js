// What is above a conversation: its name, what it cost, its model, and what can be done with all of it.

import { html, Button, IconButton, Select, format, useState } from "../../ui/index.js";
import { Details } from "./details.js";
import { Menu } from "./menu.js";

const KINDS = [["text", "Text"], ["hybrid", "Text and pictures"], ["image", "Pictures"]];

/** Head: chat, thread, models, folders, saved (it can be exported and deleted), onChange(more), onExport("md" | "json"), onDelete, onList. */
export function Head({ chat, thread, models, folders, saved, onChange, onExport, onDelete, onList }) {
  const [editing, edit] = useState(false);
  const known = models.some((each) => each.id === chat.model);
  const options = KINDS.flatMap(([type, word]) => models.filter((each) => each.type === type)
    .map(({ id }) => [id, type === "text" ? id : `${id} (${word.toLowerCase()})`]));
  return html`
    <header class="chat-head">
      <span class="chat-opener"><${Button} small icon="menu" onClick=${onList}>Conversations<//></span>
      <div class="chat-name"><h2 class="clip" title=${chat.title}>${chat.title || "New chat"}</h2><${Sums} chat=${chat} thread=${thread ?? []} /></div>
      <${Select} label="Model" hideLabel value=${chat.model} onChange=${(model) => onChange({ model })}
        options=${known ? options : [[chat.model, unknown(chat.model, models)], ...options]} />
      <span class="chat-do">
        <${IconButton} label="Name, folder and instructions" icon="edit" onClick=${() => edit(true)} />
        <${Menu} label="More about this conversation" disabled=${!saved} items=${[
          { text: "Export as Markdown", onClick: () => onExport("md") },
          { text: "Export as JSON", onClick: () => onExport("json") },
          { text: "Delete …", danger: true, onClick: onDelete },
        ]} />
      </span>
      ${editing && html`<${Details} chat=${chat} folders=${folders} onClose=${() => edit(false)} onChange=${onChange} />`}
    </header>`;
}

function unknown(model, models) {
  if (!model) return "Choose a model";
  return models.length ? `${model} (not served here)` : model;
}

/** What a conversation's answers came to, of those whose tokens and cost are known. */
function Sums({ chat, thread }) {
  const sum = (name) => thread.reduce((all, each) => all + (Number(each[name]) || 0), 0);
  const told = [
    thread.length > 0 && (thread.length === 1 ? "1 message" : `${format.number(thread.length)} messages`),
    sum("tokens") > 0 && `${format.number(sum("tokens"))} tokens`,
    sum("cost") > 0 && format.money(sum("cost").toFixed(9)),
    chat.system && "with instructions",
    chat.temperature !== undefined && `temperature ${chat.temperature}`,
  ].filter(Boolean).join(" · ");
  return told && html`<p class="dim small chat-sums" title="Of answers that were stopped, tokens and cost are not known.">${told}</p>`;
}
