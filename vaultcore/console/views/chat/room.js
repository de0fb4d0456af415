// The room of the chat: the list of conversations beside the open one.

import { html, Button, Empty, ErrorNote, Loading, confirm, useEffect, useRef, useState } from "../../ui/index.js";
import { Composer } from "./composer.js";
import { draft, write } from "./memory.js";
import { Head } from "./head.js";
import { Conversations, named } from "./list.js";
import { Thread } from "./thread.js";
import { asJson, asMarkdown, download, filename } from "./transfer.js";
import { usual } from "../playground/models.js";

/** The model of a new conversation: the one last used, else one that is good to begin with. */
const first = (chats, models) =>
  [...chats.map((each) => each.model), usual(models)]
    .find((name) => models.some((each) => each.id === name)) ?? "";

/** Room: desk, models (none while they are not known), known (whether they are), go, query. */
export function Room({ desk, models, known, go, query }) {
  const [listing, list] = useState(false);
  const moved = useRef(false); // at first the page's heading has the focus
  const { chats, chat } = desk.state;
  const start = () => {
    desk.show(undefined, first(desk.state.chats, models));
    list(false);
  };
  useEffect(() => {
    desk.show(query.id, query.model || first(chats, models));
    list(false);
  }, [query.id, query.model]);
  useEffect(() => {
    if (chat && !chat.model && known) desk.change(chat, { model: first(chats, models) });
  }, [known]);
  if (!chat) return null;
  const open = (id) => {
    moved.current = true;
    if (id !== query.id) go("chat", { id });
    else list(false);
  };
  const begin = () => {
    moved.current = true;
    if (query.id) go("chat");
    else start();
  };
  const remove = async (ids) => {
    const mine = ids.includes(chat.id);
    await desk.remove(ids);
    if (mine) go("chat");
  };
  const does = {
    change: (each, more) => desk.change(each, more),
    move: (folder, to) => desk.move(folder, to),
    empty: (folder) => remove(chats.filter((each) => each.folder === folder).map((each) => each.id)),
    remove: async (each) => (await confirm(last(each))) && remove([each.id]),
    save: async (each, kind) => save(each, await desk.messages(each.id), kind),
  };
  const busy = [...desk.live.keys(), ...desk.elsewhere];
  return html`
    <div class=${listing ? "chat listing" : "chat"}>
      <${Conversations} chats=${chats} current=${chat.id} busy=${busy} search=${(text) => desk.search(text)}
        onOpen=${open} onNew=${begin} does=${does} />
      <${Conversation} desk=${desk} models=${models} known=${known} go=${go} query=${query} does=${does} eager=${moved.current} onList=${() => list(true)} />
    </div>`;
}

const last = ({ title }) => ({ title: "Delete this conversation?", text: `“${title}” is deleted from this browser for good.`, action: "Delete", danger: true });

function save(chat, messages, kind) {
  if (kind === "md") download(filename(chat.title, "md"), asMarkdown(chat, messages), "text/markdown");
  else download(filename(chat.title, "json"), asJson([[chat, messages]]), "application/json");
}

function Conversation({ desk, models, known, go, query, does, eager, onList }) {
  const { chats, chat, thread, lost, said, shelf, returned } = desk.state;
  const growing = desk.live.get(chat.id)?.message ?? null;
  const away = desk.elsewhere.has(chat.id) && !growing;
  const kept = chats.some((each) => each.id === chat.id);
  const model = models.find((each) => each.id === chat.model);
  const how = { painter: model?.type === "image", blind: model?.capabilities.vision === false };
  const place = kept ? chat.id : null;
  const send = (text, pictures) => {
    desk.send(text, pictures, how);
    if (query.id !== chat.id) go("chat", { id: chat.id }, { replace: true });
  };
  const renew = async (at, text = null) => {
    const after = thread.filter((each) => each.at > at + (text === null ? 0 : 1)).length;
    const question = { title: "Answer again?", text: `What came after it is deleted: ${after} ${after === 1 ? "message" : "messages"}.`, action: "Go on", danger: true };
    if (!after || (await confirm(question))) desk.again(at, how, text);
  };
  const keys = (event) => {
    if (event.key !== "Escape" || !growing || event.target.closest("dialog")) return;
    desk.stop();
    event.currentTarget.querySelector("textarea")?.focus({ preventScroll: true });
  };
  const rescue = async () => go("chat", { id: await desk.rescue() });
  return html`
    <section class="chat-main" aria-label="Conversation" onKeyDown=${keys}>
      <${Head} chat=${chat} thread=${thread} models=${models} folders=${named(chats)} saved=${kept && Boolean(thread?.length) && !growing && !away}
        onChange=${(more) => desk.change(chat, more)} onExport=${(kind) => save(chat, thread, kind)} onDelete=${() => does.remove(chat)} onList=${onList} />
      <${Said} chat=${chat} thread=${thread} growing=${growing} away=${away} none=${known && !models.length} onAgain=${renew} />
      <${Notes} desk=${desk} away=${away} pictures=${how.blind && (thread ?? []).some((each) => each.role === "user" && each.pictures?.length) && chat.model}
        onRescue=${rescue} onNew=${() => go("chat")} />
      <${Composer} key=${`${chat.id} ${returned}`} busy=${Boolean(growing)} ready=${Boolean(thread && chat.model && known && !away && lost !== "gone")}
        painter=${how.painter} blind=${how.blind && chat.model} begun=${draft(shelf, place)} onDraft=${(told) => write(shelf, place, told)}
        eager=${eager || returned > 0} onSend=${send} onStop=${() => desk.stop()} />
      <p class="hidden" role="status">${growing ? "The answer is on its way." : said}</p>
    </section>`;
}

/** What is to be known before one writes. */
function Notes({ desk, away, pictures, onRescue, onNew }) {
  const { error, lost, thread } = desk.state;
  return html`
    ${error && lost !== "gone" && html`<div class="chat-note"><${ErrorNote} error=${error} title="Look here" /></div>`}
    ${lost === "gone" && html`<div class="chat-note note" role="status"><div>This conversation was deleted in another tab.</div>
      ${thread?.length > 0 && html`<${Button} small onClick=${onRescue}>Keep a copy<//>`}<${Button} small onClick=${onNew}>New chat<//></div>`}
    ${lost === "unknown" && html`<p class="chat-note note" role="status">The conversation of this address is not in this browser: this is a new one.</p>`}
    ${away && html`<p class="chat-note note" role="status">Another tab has this conversation answered.</p>`}
    ${pictures && html`<p class="chat-note note" role="status">${pictures} cannot see pictures: those of this conversation are not sent to it.</p>`}`;
}

function Said({ chat, thread, growing, away, none, onAgain }) {
  if (!thread) return html`<div class="thread"><${Loading} lines=${6} /></div>`;
  if (none) return html`<div class="thread"><${Empty} icon="models" title="No model is served here">The vault may hold no key yet, or this key may use none.<//></div>`;
  if (!thread.length && !growing) return html`<div class="thread"><${Empty} icon="chat" title="Say something">Choose a model above; it can change in the middle of a conversation.<//></div>`;
  return html`<${Thread} key=${chat.id} id=${chat.id} messages=${thread} live=${growing} away=${away} onAgain=${(at) => onAgain(at)} onEdit=${onAgain} />`;
}
