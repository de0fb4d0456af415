// The list of conversations: searched, and divided into folders; each has a menu of what can be done with it.

import { html, Button, Empty, Field, format, useEffect, useState } from "../../ui/index.js";
import { Details, FolderEnd, FolderName } from "./details.js";
import { Menu } from "./menu.js";

const PAUSE = 150; // ms without a key pressed before what is typed is searched for

/**
 * Conversations: chats, current (id), busy (ids being answered), search(text) → promise of ids, onOpen(id), onNew, `does`:
 * { change(chat, more), remove(chat), save(chat, "md" | "json"), move(folder, to), empty(folder) }.
 */
export function Conversations({ chats, current, busy, search, onOpen, onNew, does }) {
  const [text, type] = useState("");
  const [asked, ask] = useState(null); // the dialog that is open: { kind, chat or folder }
  const found = useFound(text.trim(), search, chats);
  const shown = found ? chats.filter((each) => found.has(each.id)) : chats;
  const folders = named(shown);
  const items = (folder) => shown.filter((each) => each.folder === folder).map((each) => html`
    <li key=${each.id}><${Item} chat=${each} current=${each.id === current} busy=${busy.includes(each.id)} onOpen=${onOpen} onAsk=${ask} does=${does} /></li>`);
  return html`
    <section class="chats" aria-label="Conversations">
      <${Button} icon="plus" onClick=${onNew}>New chat<//>
      <${Field} label="Search conversations" hideLabel type="search" placeholder="Search …" value=${text} onInput=${type} />
      <div class="chats-list">
        ${folders.map((folder) => html`<${Folder} key=${folder} name=${folder} onAsk=${ask}>${items(folder)}<//>`)}
        <ul>${items("")}</ul>
        ${!shown.length && html`<${Empty} icon="chat" title=${found ? "Nothing found" : "No conversations yet"}>
          ${found ? "Titles and messages were searched." : "What you write stays in this browser."}<//>`}
      </div>
      <p class="hidden" role="status">${found ? `${format.number(shown.length)} found` : ""}</p>
      ${asked && html`<${Asked} asked=${asked} chats=${chats} does=${does} onClose=${() => ask(null)} />`}
    </section>`;
}

/** The names of folders, in their order. */
export const named = (chats) => [...new Set(chats.map((each) => each.folder).filter(Boolean))].sort((one, other) => one.localeCompare(other));

/** The ids that a search found, or null while nothing is searched for. */
function useFound(text, search, chats) {
  const [found, find] = useState(null);
  useEffect(() => {
    let wanted = true;
    if (!text) find(null);
    const timer = setTimeout(() => text && search(text).then((ids) => wanted && find(ids), () => wanted && find(new Set())), PAUSE);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [text, chats]);
  return text ? found : null;
}

const Folder = ({ name, onAsk, children }) => html`
  <div class="chats-folder">
    <${Menu} label=${`Folder ${name}`} items=${[
      { text: "Rename folder …", onClick: () => onAsk({ kind: "rename", folder: name }) },
      { text: "Delete folder …", danger: true, onClick: () => onAsk({ kind: "delete", folder: name }) },
    ]} />
    <details open><summary><span class="clip">${name}</span></summary><ul>${children}</ul></details>
  </div>`;

const Item = ({ chat, current, busy, onOpen, onAsk, does }) => html`
  <div class="chats-row">
    <button type="button" class="chats-item" aria-current=${current ? "true" : undefined} title=${chat.title} onClick=${() => onOpen(chat.id)}>
      <span class="clip">${chat.title}</span>
      <span class="dim small">${busy ? "answering …" : format.relative(chat.updated / 1000)}</span></button>
    <${Menu} label=${`More about ${chat.title}`} items=${[
      { text: "Rename or move …", onClick: () => onAsk({ kind: "chat", chat }) },
      { text: "Export as Markdown", onClick: () => does.save(chat, "md") },
      { text: "Export as JSON", onClick: () => does.save(chat, "json") },
      { text: "Delete …", danger: true, onClick: () => does.remove(chat) },
    ]} />
  </div>`;

function Asked({ asked: { kind, chat, folder }, chats, does, onClose }) {
  if (kind === "chat") return html`<${Details} chat=${chat} folders=${named(chats)} onClose=${onClose} onChange=${(more) => does.change(chat, more)} />`;
  if (kind === "rename") {
    return html`<${FolderName} folder=${folder} taken=${named(chats).filter((each) => each !== folder)} onClose=${onClose}
      onRename=${(name) => does.move(folder, name)} />`;
  }
  return html`<${FolderEnd} folder=${folder} count=${chats.filter((each) => each.folder === folder).length} onClose=${onClose}
    onMoveOut=${() => does.move(folder, "")} onDelete=${() => does.empty(folder)} />`;
}
