// The list of conversations: searched, and divided into folders.

import { html, Button, Empty, Field, format, useEffect, useState } from "../../ui/index.js";

const PAUSE = 150; // ms without a key pressed before what is typed is searched for

/** Conversations: chats, current (id), live (ids being answered), search(text) → promise of ids, onOpen(id), onNew. */
export function Conversations({ chats, current, live, search, onOpen, onNew }) {
  const [text, type] = useState("");
  const found = useFound(text.trim(), search, chats);
  const shown = found ? chats.filter((each) => found.has(each.id)) : chats;
  const folders = [...new Set(shown.map((each) => each.folder).filter(Boolean))].sort((one, other) => one.localeCompare(other));
  const items = (folder) => shown.filter((each) => each.folder === folder).map((each) => html`
    <li key=${each.id}><${Item} chat=${each} current=${each.id === current} busy=${live.has(each.id)} onOpen=${onOpen} /></li>`);
  return html`
    <section class="chats" aria-label="Conversations">
      <${Button} icon="plus" onClick=${onNew}>New chat<//>
      <${Field} label="Search conversations" hideLabel type="search" placeholder="Search …" value=${text} onInput=${type} />
      <div class="chats-list">
        ${folders.map((folder) => html`
          <details key=${folder} open><summary><span class="clip">${folder}</span></summary><ul>${items(folder)}</ul></details>`)}
        <ul>${items("")}</ul>
        ${!shown.length && html`<${Empty} icon="chat" title=${found ? "Nothing found" : "No conversations yet"}>
          ${found ? "Titles and messages were searched." : "What you write stays in this browser."}<//>`}
      </div>
      <p class="hidden" role="status">${found ? `${format.number(shown.length)} found` : ""}</p>
    </section>`;
}

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

const Item = ({ chat, current, busy, onOpen }) => html`
  <button type="button" class="chats-item" aria-current=${current ? "true" : undefined} title=${chat.title} onClick=${() => onOpen(chat.id)}>
    <span class="clip">${chat.title}</span>
    <span class="dim small">${busy ? "answering …" : format.relative(chat.updated / 1000)}</span></button>`;
