// The list of conversations, with search and folders.

import { html, Button, Empty, Field, format, useEffect, useState } from "../../ui/index.js";
import { ConversationDialog, DeleteFolderDialog, RenameFolderDialog } from "./dialogs.js";
import { Menu } from "./menu.js";

const SEARCH_DELAY = 150; // milliseconds after the last key press

/**
 * Conversations: chats, current (id), busy (ids with pending answers), search(text) → promise of ids, onOpen(id), onNew, `actions`:
 * { change(chat, more), remove(chat), save(chat, "md" | "json"), move(folder, to), empty(folder) }.
 */
export function Conversations({ chats, current, busy, search, onOpen, onNew, actions }) {
  const [text, setText] = useState("");
  const [dialog, setDialog] = useState(null); // the open dialog: { kind, chat or folder }
  const matches = useSearch(text.trim(), search, chats);
  const visible = matches ? chats.filter((each) => matches.has(each.id)) : chats;
  const folders = folderNames(visible);
  const items = (folder) => visible.filter((each) => each.folder === folder).map((each) => html`
    <li key=${each.id}><${Item} chat=${each} current=${each.id === current} busy=${busy.includes(each.id)} onOpen=${onOpen} onDialog=${setDialog} actions=${actions} /></li>`);
  return html`
    <section class="chats" aria-label="Conversations">
      <${Button} icon="plus" onClick=${onNew}>New chat<//>
      <${Field} label="Search conversations" hideLabel type="search" placeholder="Search …" value=${text} onInput=${setText} />
      <div class="chats-list">
        ${folders.map((folder) => html`<${Folder} key=${folder} name=${folder} onDialog=${setDialog}>${items(folder)}<//>`)}
        <ul>${items("")}</ul>
        ${!visible.length && html`<${Empty} icon="chat" title=${matches ? "No results" : "No conversations yet"}>
          ${matches ? "No title or message contains this text." : "Conversations are stored in this browser."}<//>`}
      </div>
      <p class="visually-hidden" role="status">${matches ? visible.length === 1 ? "1 result" : `${format.number(visible.length)} results` : ""}</p>
      ${dialog && html`<${ActiveDialog} dialog=${dialog} chats=${chats} actions=${actions} onClose=${() => setDialog(null)} />`}
    </section>`;
}

/** Return the folder names, sorted. */
export const folderNames = (chats) => [...new Set(chats.map((each) => each.folder).filter(Boolean))].sort((one, other) => one.localeCompare(other));

/** Return the ids that match a search, or null without a search. */
function useSearch(text, search, chats) {
  const [matches, setMatches] = useState(null);
  useEffect(() => {
    let active = true;
    if (!text) setMatches(null);
    const timer = setTimeout(() => text && search(text).then((ids) => active && setMatches(ids), () => active && setMatches(new Set())), SEARCH_DELAY);
    return () => {
      active = false;
      clearTimeout(timer);
    };
  }, [text, chats]);
  return text ? matches : null;
}

const Folder = ({ name, onDialog, children }) => html`
  <div class="chats-folder">
    <${Menu} label=${`Actions for folder ${name}`} items=${[
      { text: "Rename folder …", onClick: () => onDialog({ kind: "rename", folder: name }) },
      { text: "Delete folder …", danger: true, onClick: () => onDialog({ kind: "delete", folder: name }) },
    ]} />
    <details open><summary><span class="clip">${name}</span></summary><ul>${children}</ul></details>
  </div>`;

const Item = ({ chat, current, busy, onOpen, onDialog, actions }) => html`
  <div class="chats-row">
    <button type="button" class="chats-item" aria-current=${current ? "true" : undefined} title=${chat.title} onClick=${() => onOpen(chat.id)}>
      <span class="clip">${chat.title}</span>
      <span class="dim small">${busy ? "answering …" : format.relative(chat.updated / 1000)}</span></button>
    <${Menu} label=${`Actions for ${chat.title}`} items=${[
      { text: "Rename or move …", onClick: () => onDialog({ kind: "chat", chat }) },
      { text: "Export as Markdown", onClick: () => actions.save(chat, "md") },
      { text: "Export as JSON", onClick: () => actions.save(chat, "json") },
      { text: "Delete …", danger: true, onClick: () => actions.remove(chat) },
    ]} />
  </div>`;

function ActiveDialog({ dialog: { kind, chat, folder }, chats, actions, onClose }) {
  if (kind === "chat") return html`<${ConversationDialog} chat=${chat} folders=${folderNames(chats)} onClose=${onClose} onChange=${(more) => actions.change(chat, more)} />`;
  if (kind === "rename") {
    return html`<${RenameFolderDialog} folder=${folder} takenNames=${folderNames(chats).filter((each) => each !== folder)} onClose=${onClose}
      onRename=${(name) => actions.move(folder, name)} />`;
  }
  return html`<${DeleteFolderDialog} folder=${folder} count=${chats.filter((each) => each.folder === folder).length} onClose=${onClose}
    onMoveOut=${() => actions.move(folder, "")} onDelete=${() => actions.empty(folder)} />`;
}
