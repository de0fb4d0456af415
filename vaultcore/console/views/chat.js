// Chat: conversations with models, kept in this browser; what is sent goes through the gateway like any request.

import { html, Button, Empty, ErrorNote, Loading, Page, confirm, toast, useAsked, useEffect, useReducer, useRef, useState } from "../ui/index.js";
import { Composer } from "./chat/composer.js";
import { Desk } from "./chat/desk.js";
import { Head } from "./chat/head.js";
import { Conversations } from "./chat/list.js";
import { Thread } from "./chat/thread.js";
import { asJson, asMarkdown, download, filename } from "./chat/transfer.js";

const INTRO = "Conversations stay in this browser; the gateway keeps none of their words.";

export default function Chat({ session, api, go, query }) {
  const desk = useDesk(session, api);
  const { ready, error, chats } = desk.state;
  const models = useAsked(async (signal) => (await api.get("v1/models", { signal, as: "play" })).data.filter((each) => each.type !== "embedding"));
  const bring = async (file) => {
    try {
      const { count, first } = await desk.take(await file.text());
      toast(count === 1 ? "1 conversation was imported." : `${count} conversations were imported.`, "good");
      if (first) go("chat", { id: first });
    } catch (failed) {
      toast(`Not imported: ${failed.message}`, "bad");
    }
  };
  const actions = html`
    <${Import} onFile=${bring} disabled=${!ready} />
    <${Button} small icon="download" disabled=${!chats.length}
      onClick=${async () => download("conversations.json", await desk.everything(), "application/json")}>Export all<//>`;
  return html`
    <${Page} title="Chat" intro=${INTRO} wide actions=${actions}>
      ${error && html`<${ErrorNote} error=${error} title="Storage" />`}
      ${models.error && html`<${ErrorNote} error=${models.error} retry=${models.retry} title="The models cannot be read" />`}
      ${ready && models.data ? html`<${Room} desk=${desk} models=${models.data} go=${go} query=${query} />`
        : !error && !models.error && html`<${Loading} lines=${8} />`}
    <//>`;
}

function useDesk(session, api) {
  const [, changed] = useReducer((turn) => turn + 1, 0);
  const ref = useRef(null);
  ref.current ??= new Desk(api, () => changed());
  useEffect(() => {
    ref.current.open(session);
    return () => ref.current.close();
  }, []);
  return ref.current;
}

function Import({ onFile, disabled }) {
  const input = useRef(null);
  const chosen = (event) => {
    const [file] = event.currentTarget.files;
    if (file) onFile(file);
    event.currentTarget.value = "";
  };
  return html`
    <input ref=${input} class="hidden" type="file" accept="application/json,.json" tabindex="-1" aria-label="File to import" onChange=${chosen} />
    <${Button} small icon="upload" disabled=${disabled} onClick=${() => input.current.click()}>Import<//>`;
}

/** The model of a new conversation: the one last used, else the first that writes. */
const usual = (chats, models) =>
  [...chats.map((each) => each.model), models.find((each) => each.type === "text")?.id, models[0]?.id]
    .find((name) => models.some((each) => each.id === name)) ?? "";

function Room({ desk, models, go, query }) {
  const [listing, list] = useState(false);
  const moved = useRef(false); // at first the page's heading has the focus
  const { chats, chat, thread, live } = desk.state;
  useEffect(() => {
    desk.show(query.id, query.model || usual(chats, models));
    list(false);
  }, [query.id, query.model]);
  if (!chat) return null;
  const painter = models.find((each) => each.id === chat.model)?.type === "image";
  const growing = live.get(chat.id)?.message ?? null;
  const send = (text, pictures) => {
    desk.send(text, pictures, painter);
    if (query.id !== chat.id) go("chat", { id: chat.id }, { replace: true });
  };
  const renew = async (at, text = null) => {
    const lost = thread.filter((each) => each.at > at + (text === null ? 0 : 1)).length;
    const question = { title: "Answer again?", text: `What came after it is deleted: ${lost} ${lost === 1 ? "message" : "messages"}.`, action: "Go on", danger: true };
    if (!lost || (await confirm(question))) desk.again(at, painter, text);
  };
  const remove = async () => {
    if (!(await confirm({ title: "Delete this conversation?", text: `“${chat.title}” is deleted from this browser for good.`, action: "Delete", danger: true }))) return;
    await desk.remove(chat.id);
    go("chat");
  };
  const save = (kind) => (kind === "md" ? download(filename(chat.title, "md"), asMarkdown(chat, thread), "text/markdown")
    : download(filename(chat.title, "json"), asJson([[chat, thread]]), "application/json"));
  const open = (id) => {
    moved.current = true;
    if (id !== query.id) go("chat", { id });
    else list(false);
  };
  const start = () => {
    moved.current = true;
    if (query.id) go("chat");
    else fresh(desk, models, list);
  };
  return html`
    <div class=${listing ? "chat listing" : "chat"}>
      <${Conversations} chats=${chats} current=${chat.id} live=${live} search=${(text) => desk.search(text)}
        onOpen=${open} onNew=${start} />
      <section class="chat-main" aria-label="Conversation">
        <${Head} chat=${chat} models=${models} folders=${[...new Set(chats.map((each) => each.folder).filter(Boolean))]}
          saved=${Boolean(thread?.length) && !growing} onChange=${(more) => desk.change(more)} onExport=${save} onDelete=${remove} onList=${() => list(true)} />
        <${Said} chat=${chat} thread=${thread} growing=${growing} models=${models} onAgain=${renew} />
        <${Composer} key=${chat.id} busy=${Boolean(growing)} ready=${Boolean(thread && chat.model)} painter=${painter} eager=${moved.current}
          onSend=${send} onStop=${() => desk.stop()} />
        <p class="hidden" role="status">${growing ? "The answer is on its way." : thread?.at(-1)?.role === "assistant" ? "The answer is there." : ""}</p>
      </section>
    </div>`;
}

function fresh(desk, models, list) {
  desk.show(undefined, usual(desk.state.chats, models));
  list(false);
}

function Said({ chat, thread, growing, models, onAgain }) {
  if (!thread) return html`<div class="thread"><${Loading} lines=${6} /></div>`;
  if (!models.length) return html`<div class="thread"><${Empty} icon="models" title="No model is served here">The vault may hold no key yet, or this key may use none.<//></div>`;
  if (!thread.length && !growing) return html`<div class="thread"><${Empty} icon="chat" title="Say something">Choose a model above; it can change in the middle of a conversation.<//></div>`;
  return html`<${Thread} key=${chat.id} id=${chat.id} messages=${thread} live=${growing} onAgain=${(at) => onAgain(at)} onEdit=${onAgain} />`;
}
