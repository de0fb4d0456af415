// A conversation's header: name, totals, model and actions.

import { html, Button, IconButton, Select, format, useState } from "../../ui/index.js";
import { ConversationDialog } from "./dialogs.js";
import { Menu } from "./menu.js";

const TYPES = [["text", "Text"], ["hybrid", "Text and images"], ["image", "Images"]];

/** ChatHeader: chat, thread, models, folders, saved (it can be exported and deleted), onChange(more), onExport("md" | "json"), onDelete, onList. */
export function ChatHeader({ chat, thread, models, folders, saved, onChange, onExport, onDelete, onList }) {
  const [editing, setEditing] = useState(false);
  const known = models.some((each) => each.id === chat.model);
  const options = TYPES.flatMap(([type, label]) => models.filter((each) => each.type === type)
    .map(({ id }) => [id, type === "text" ? id : `${id} (${label.toLowerCase()})`]));
  return html`
    <header class="chat-head">
      <span class="chat-list-button"><${Button} small icon="menu" onClick=${onList}>Conversations<//></span>
      <div class="chat-name"><h2 class="clip" title=${chat.title}>${chat.title || "New chat"}</h2><${Totals} chat=${chat} thread=${thread ?? []} /></div>
      <${Select} label="Model" hideLabel value=${chat.model} onChange=${(model) => onChange({ model })}
        options=${known ? options : [[chat.model, unlistedLabel(chat.model, models)], ...options]} />
      <span class="chat-actions">
        <${IconButton} label="Edit conversation" icon="edit" onClick=${() => setEditing(true)} />
        <${Menu} label="Conversation actions" disabled=${!saved} items=${[
          { text: "Export as Markdown", onClick: () => onExport("md") },
          { text: "Export as JSON", onClick: () => onExport("json") },
          { text: "Delete …", danger: true, onClick: onDelete },
        ]} />
      </span>
      ${editing && html`<${ConversationDialog} chat=${chat} folders=${folders} onClose=${() => setEditing(false)} onChange=${onChange} />`}
    </header>`;
}

function unlistedLabel(model, models) {
  if (!model) return "Choose a model";
  return models.length ? `${model} (not available)` : model;
}

/** The totals of a conversation, from the answers with known tokens and cost. */
function Totals({ chat, thread }) {
  const sum = (name) => thread.reduce((all, each) => all + (Number(each[name]) || 0), 0);
  const summary = [
    thread.length > 0 && (thread.length === 1 ? "1 message" : `${format.number(thread.length)} messages`),
    sum("tokens") > 0 && `${format.number(sum("tokens"))} tokens`,
    sum("cost") > 0 && format.money(sum("cost").toFixed(9)),
    chat.system && "custom instructions",
    chat.temperature !== undefined && `temperature ${chat.temperature}`,
  ].filter(Boolean).join(" · ");
  return summary && html`<p class="dim small chat-sums" title="Without stopped answers, whose tokens and cost are unknown.">${summary}</p>`;
}
