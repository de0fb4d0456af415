// The chat's layout: the list of conversations beside the open one.

import { html, Button, Empty, ErrorNote, Loading, confirm, useEffect, useRef, useState } from "../../ui/index.js";
import { Composer } from "./composer.js";
import { readDraft, saveDraft } from "./memory.js";
import { ChatHeader } from "./header.js";
import { Conversations, folderNames } from "./list.js";
import { Thread } from "./thread.js";
import { asJson, asMarkdown, download, filename } from "./transfer.js";
import { defaultModel } from "../playground/models.js";

/** Return the model of a new conversation: the last used one, or the default. */
const modelFor = (chats, models) =>
  [...chats.map((each) => each.model), defaultModel(models)]
    .find((name) => models.some((each) => each.id === name)) ?? "";

/** ChatLayout: controller, models (empty until loaded), modelsLoaded, go, query. */
export function ChatLayout({ controller, models, modelsLoaded, go, query }) {
  const [showsList, setShowsList] = useState(false);
  const hasNavigated = useRef(false); // initially the page's heading has the focus
  const { chats, chat } = controller.state;
  const showNew = () => {
    controller.show(undefined, modelFor(controller.state.chats, models));
    setShowsList(false);
  };
  useEffect(() => {
    controller.show(query.id, query.model || modelFor(chats, models));
    setShowsList(false);
  }, [query.id, query.model]);
  useEffect(() => {
    if (chat && !chat.model && modelsLoaded) controller.change(chat, { model: modelFor(chats, models) });
  }, [modelsLoaded]);
  if (!chat) return null;
  const open = (id) => {
    hasNavigated.current = true;
    if (id !== query.id) go("chat", { id });
    else setShowsList(false);
  };
  const startNew = () => {
    hasNavigated.current = true;
    if (query.id) go("chat");
    else showNew();
  };
  const remove = async (ids) => {
    const isOpen = ids.includes(chat.id);
    await controller.remove(ids);
    if (isOpen) go("chat");
  };
  const actions = {
    change: (each, more) => controller.change(each, more),
    move: (folder, to) => controller.move(folder, to),
    empty: (folder) => remove(chats.filter((each) => each.folder === folder).map((each) => each.id)),
    remove: async (each) => (await confirm(deleteQuestion(each))) && remove([each.id]),
    save: async (each, kind) => save(each, await controller.messages(each.id), kind),
  };
  const busy = [...controller.live.keys(), ...controller.pendingElsewhere];
  return html`
    <div class=${showsList ? "chat show-list" : "chat"}>
      <${Conversations} chats=${chats} current=${chat.id} busy=${busy} search=${(text) => controller.search(text)}
        onOpen=${open} onNew=${startNew} actions=${actions} />
      <${Conversation} controller=${controller} models=${models} modelsLoaded=${modelsLoaded} go=${go} query=${query} actions=${actions} autoFocus=${hasNavigated.current} onList=${() => setShowsList(true)} />
    </div>`;
}

const deleteQuestion = ({ title }) => ({ title: "Delete this conversation?", text: `This permanently deletes “${title}” from this browser.`, action: "Delete", danger: true });

function save(chat, messages, kind) {
  if (kind === "md") download(filename(chat.title, "md"), asMarkdown(chat, messages), "text/markdown");
  else download(filename(chat.title, "json"), asJson([[chat, messages]]), "application/json");
}

function Conversation({ controller, models, modelsLoaded, go, query, actions, autoFocus, onList }) {
  const { chats, chat, thread, missing, announcement, store, restored } = controller.state;
  const growing = controller.live.get(chat.id)?.message ?? null;
  const isElsewhere = controller.pendingElsewhere.has(chat.id) && !growing;
  const isStored = chats.some((each) => each.id === chat.id);
  const model = models.find((each) => each.id === chat.model);
  const modelTraits = { isImageModel: model?.type === "image", lacksVision: model?.capabilities.vision === false };
  const place = isStored ? chat.id : null;
  const send = (text, pictures) => {
    controller.send(text, pictures, modelTraits);
    if (query.id !== chat.id) go("chat", { id: chat.id }, { replace: true });
  };
  const regenerate = async (at, text = null) => {
    const after = thread.filter((each) => each.at > at + (text === null ? 0 : 1)).length;
    const question = { title: "Regenerate?", text: `This deletes ${after} later ${after === 1 ? "message" : "messages"}.`, action: "Regenerate", danger: true };
    if (!after || (await confirm(question))) controller.regenerate(at, modelTraits, text);
  };
  const handleKey = (event) => {
    if (event.key !== "Escape" || !growing || event.target.closest("dialog")) return;
    controller.stop();
    event.currentTarget.querySelector("textarea")?.focus({ preventScroll: true });
  };
  const saveCopy = async () => go("chat", { id: await controller.saveCopy() });
  return html`
    <section class="chat-main" aria-label="Conversation" onKeyDown=${handleKey}>
      <${ChatHeader} chat=${chat} thread=${thread} models=${models} folders=${folderNames(chats)} saved=${isStored && Boolean(thread?.length) && !growing && !isElsewhere}
        onChange=${(more) => controller.change(chat, more)} onExport=${(kind) => save(chat, thread, kind)} onDelete=${() => actions.remove(chat)} onList=${onList} />
      <${Messages} chat=${chat} thread=${thread} growing=${growing} isElsewhere=${isElsewhere} none=${modelsLoaded && !models.length} onRegenerate=${regenerate} />
      <${Notes} controller=${controller} isElsewhere=${isElsewhere} pictures=${modelTraits.lacksVision && (thread ?? []).some((each) => each.role === "user" && each.pictures?.length) && chat.model}
        onSaveCopy=${saveCopy} onNew=${() => go("chat")} />
      <${Composer} key=${`${chat.id} ${restored}`} busy=${Boolean(growing)} ready=${Boolean(thread && chat.model && modelsLoaded && !isElsewhere && missing !== "deleted")}
        isImageModel=${modelTraits.isImageModel} blindModel=${modelTraits.lacksVision && chat.model} initialDraft=${readDraft(store, place)} onDraft=${(next) => saveDraft(store, place, next)}
        autoFocus=${autoFocus || restored > 0} onSend=${send} onStop=${() => controller.stop()} />
      <p class="visually-hidden" role="status">${growing ? "Waiting for the answer." : announcement}</p>
    </section>`;
}

/** Notes above the composer. */
function Notes({ controller, isElsewhere, pictures, onSaveCopy, onNew }) {
  const { error, missing, thread } = controller.state;
  return html`
    ${error && missing !== "deleted" && html`<div class="chat-note"><${ErrorNote} error=${error} title="Action failed" /></div>`}
    ${missing === "deleted" && html`<div class="chat-note note" role="status"><div>This conversation was deleted in another tab.</div>
      ${thread?.length > 0 && html`<${Button} small onClick=${onSaveCopy}>Save a copy<//>`}<${Button} small onClick=${onNew}>New chat<//></div>`}
    ${missing === "unknown" && html`<p class="chat-note note" role="status">This browser has no conversation with this address. A new one has been started.</p>`}
    ${isElsewhere && html`<p class="chat-note note" role="status">Another tab is waiting for an answer in this conversation.</p>`}
    ${pictures && html`<p class="chat-note note" role="status">${pictures} does not accept images. Images in this conversation are not sent.</p>`}`;
}

function Messages({ chat, thread, growing, isElsewhere, none, onRegenerate }) {
  if (!thread) return html`<div class="thread"><${Loading} lines=${6} /></div>`;
  if (none) return html`<div class="thread"><${Empty} icon="models" title="No models available">The vault has no provider key, or your key allows no models.<//></div>`;
  if (!thread.length && !growing) return html`<div class="thread"><${Empty} icon="chat" title="Start a conversation">Choose a model above. You can change it at any time.<//></div>`;
  return html`<${Thread} key=${chat.id} id=${chat.id} messages=${thread} live=${growing} isElsewhere=${isElsewhere} onRegenerate=${(at) => onRegenerate(at)} onEdit=${onRegenerate} />`;
}
