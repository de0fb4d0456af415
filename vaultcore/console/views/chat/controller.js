// The chat's controller: the conversations, the open one, and all actions on them.

import { toast } from "../../ui/index.js";
import { readDraft, forgetDrafts, saveDraft } from "./memory.js";
import { openStorage } from "./storage.js";
import { storeName } from "./database.js";
import { TabChannel } from "./tab-channel.js";
import { asJson, parseFile, unique } from "./transfer.js";
import { PendingAnswers } from "./pending-answers.js";

const newConversation = (model, now = Date.now()) => ({ id: unique(), title: "", folder: "", model, system: "", created: now, updated: now });

export class ChatController {
  #api;
  #changed;
  #store = null;
  #tabs = null;
  #answers = null;
  #announceEnd = () => this.#tabs?.send("answered", this.#answers.ids());
  /** The page's state. `thread` is null while it loads; `unsaved` are ids that exist only in memory, or "all"; `missing` is why the open conversation is not stored: "deleted" or "unknown". */
  state = { ready: false, error: null, chats: [], chat: null, thread: null, unsaved: [], missing: null, announcement: "", restored: 0, store: "" };

  constructor(api, changed) {
    this.#api = api;
    this.#changed = changed;
  }

  /** Conversation id -> { message }: answers pending in this tab. */
  get live() {
    return this.#answers?.live ?? new Map();
  }

  /** Ids of the conversations with an answer pending in another tab. */
  get pendingElsewhere() {
    return this.#tabs?.answering ?? new Set();
  }

  #update(more) {
    this.state = { ...this.state, ...more };
    this.#changed();
  }

  async open(session) {
    const name = storeName(session);
    this.#store = await openStorage(name);
    this.#answers = new PendingAnswers(this.#api, this.#store, (id, saved = false) => (saved ? this.#announce("changed", [id]) : this.#changed()));
    this.#tabs = new TabChannel(name, { onMessage: (message) => this.#handleMessage(message), pendingIds: this.#answers.ids });
    addEventListener("pagehide", this.#announceEnd);
    this.state.store = name;
    await this.#list();
    this.#update({ ready: true });
  }

  /** Stop every answer, keep the partial text, and close the storage. */
  close() {
    removeEventListener("pagehide", this.#announceEnd);
    this.#announceEnd();
    this.#changed = () => {};
    for (const id of this.#answers?.ids() ?? []) this.#answers.stop(id);
    setTimeout(() => {
      this.#tabs?.close();
      this.#store?.close();
    }, 500);
  }

  async #list() {
    try {
      const [chats, unsaved] = [await this.#store.conversations(), await this.#store.unsaved()];
      const chat = chats.find((each) => each.id === this.state.chat?.id) ?? this.state.chat;
      this.#update({ chats, unsaved, chat });
    } catch (error) {
      this.#update({ error });
    }
  }

  #announce = (kind, ids) => this.#tabs?.send(kind, ids);

  async #handleMessage({ kind, ids }) {
    const id = this.state.chat?.id;
    if (kind === "removed") {
      for (const each of ids) this.#answers.stop(each);
      if (ids.includes(id)) this.#update({ missing: "deleted" });
    }
    await this.#list();
    if (kind !== "removed" && ids.includes(id) && !this.live.has(id) && this.state.thread) await this.#load(id);
  }

  /** Show a conversation; without an id a new one, which is stored with its first message. */
  async show(id, model = "") {
    if (id && this.state.chat?.id === id) return;
    const chat = this.state.chats.find((each) => each.id === id);
    const reset = { error: null, announcement: "", missing: null };
    if (!chat) return void this.#update({ ...reset, chat: newConversation(model), thread: [], missing: id ? "unknown" : null });
    this.#update({ ...reset, chat, thread: null });
    await this.#load(id);
  }

  async #load(id) {
    const thread = await this.#store.messages(id).catch((error) => this.#update({ error }));
    if (this.state.chat?.id !== id || !thread) return;
    const growing = this.live.get(id)?.message.at; // the stored copy of the pending answer is older
    this.#update({ thread: thread.filter((each) => each.at !== growing) });
  }

  /** Change a conversation's model, title, folder, instructions or temperature. */
  change(chat, more) {
    if (this.state.chat?.id === chat.id) this.#update({ chat: { ...this.state.chat, ...more } });
    return this.#run("Could not save", "changed", [chat.id], () => this.#store.change([chat.id], more));
  }

  /** Move a folder's conversations to another folder; "" is no folder. */
  move(folder, to) {
    const ids = this.state.chats.filter((each) => each.folder === folder).map((each) => each.id);
    return this.#run("Could not move", "changed", ids, () => this.#store.change(ids, { folder: to }));
  }

  async remove(ids) {
    for (const id of ids) {
      this.#answers.stop(id);
      saveDraft(this.state.store, id, { text: "", pictures: [] });
    }
    await this.#run("Could not delete", "removed", ids, () => this.#store.remove(ids));
  }

  async removeAll() {
    await this.remove(this.state.chats.map((each) => each.id));
    forgetDrafts(this.state.store);
  }

  /** Run an action on conversations, refresh the list, and notify other tabs. */
  async #run(failure, kind, ids, work) {
    try {
      await work();
      this.#announce(kind, ids);
      await this.#list();
    } catch (error) {
      this.#update({ error: new Error(`${failure}: ${error?.message ?? error}`) });
    }
  }

  /** Send a message and request the answer. `modelTraits`: { isImageModel, lacksVision }. */
  async send(text, pictures, modelTraits) {
    const last = this.state.thread.at(-1)?.at ?? -1;
    const messages = [...this.state.thread, { role: "user", text, pictures, created: Date.now(), at: last + 1 }];
    const unsent = await this.#requestAnswer(messages, { ...modelTraits, from: null, last });
    if (!unsent) return;
    saveDraft(this.state.store, unsent.id, { text: [text, readDraft(this.state.store, unsent.id).text].filter(Boolean).join("\n\n"), pictures });
    this.#update({ restored: this.state.restored + 1 });
  }

  /** Request a new answer to the message at a position, with a new text if given. Later messages are deleted. */
  async regenerate(at, modelTraits, text = null) {
    const { thread } = this.state;
    const earlier = thread.filter((each) => each.at <= at);
    const messages = earlier.slice(0, earlier.findLastIndex((each) => each.role === "user") + 1);
    if (!messages.length) return;
    if (text !== null) messages.push({ ...messages.pop(), text });
    await this.#requestAnswer(messages, { ...modelTraits, from: messages.at(-1).at, last: thread.at(-1).at });
  }

  /** Request an answer. Resolves to null, or to the conversation if the message was not stored, as after a conflict with another tab. */
  async #requestAnswer(messages, options) {
    const { chat } = this.state;
    const now = { ...chat, title: chat.title || titleOf(messages.at(-1).text), updated: Date.now() };
    this.#update({ chat: now, thread: messages, error: null, announcement: "", missing: null });
    this.#announce("answering", [chat.id]);
    try {
      const pending = this.#answers.request(now, messages, options);
      this.#changed();
      await this.#showAnswer(now, await pending);
      return null;
    } catch (error) {
      if (this.state.chat?.id === chat.id) this.#update({ error, missing: error.code === "deleted" ? "deleted" : null });
      if (error.code !== "deleted") await this.#load(chat.id);
      return chat;
    } finally {
      this.#announce("answered", [chat.id]);
      this.#announce("changed", [chat.id]);
      await this.#list();
    }
  }

  async #showAnswer(chat, answer) {
    if (this.state.chat?.id !== chat.id) return toast(answer.error ? `“${chat.title}”: the answer failed.` : `“${chat.title}”: the answer is complete.`, answer.error ? "bad" : "");
    if (!this.state.thread) return this.#load(chat.id);
    return this.#update({ thread: [...this.state.thread.filter((each) => each.at < answer.at), answer], announcement: describe(answer) });
  }

  stop() {
    this.#answers.stop(this.state.chat.id);
  }

  /** Save the open conversation, which another tab deleted, as a new one. Return its id. */
  async saveCopy() {
    const { chat, thread } = this.state;
    const copy = { ...chat, id: unique() };
    await this.#run("Could not save", "changed", [copy.id], () => this.#store.save(copy, thread.map(({ conversation: _of, ...each }) => each)));
    return copy.id;
  }

  search(text) {
    return this.#store.search(text);
  }

  messages(id) {
    return this.#store.messages(id);
  }

  /** Return all conversations as JSON. */
  async exportAll() {
    const all = [];
    for (const chat of await this.#store.conversations()) all.push([chat, await this.#store.messages(chat.id)]);
    return asJson(all);
  }

  /** Import the conversations of a file. Return { count, first }, where `first` is an id. Raises Error with a message for the user. */
  async importJson(text) {
    const imported = parseFile(text);
    for (const [chat, messages] of imported) await this.#store.save(chat, messages);
    this.#announce("changed", imported.map(([chat]) => chat.id));
    await this.#list();
    return { count: imported.length, first: imported[0]?.[0].id };
  }
}

/** Return a screen reader announcement for a complete answer. */
function describe({ model, text, pictures, error, stopped }) {
  if (error) return ""; // the error note is an alert already
  const words = text.length > 600 ? `${text.slice(0, 600)} …` : text;
  return [stopped ? `${model} stopped.` : `${model} answered:`, words, pictures.length ? `Images: ${pictures.length}.` : ""].filter(Boolean).join(" ");
}

/** Return a title from the first line of a message. */
function titleOf(text) {
  const line = text.split("\n").map((each) => each.replace(/^[#>*\s`-]+|[*`]+/g, "").trim()).find(Boolean) ?? "";
  return line.length > 60 ? `${line.slice(0, 59).trimEnd()}…` : line || "Image";
}
