// The desk that the page works at: the conversations, the open one, and what is done with them.

import { toast } from "../../ui/index.js";
import { draft, forget, write } from "./memory.js";
import { openKeeping } from "./keeping.js";
import { shelf } from "./store.js";
import { Tabs } from "./tabs.js";
import { asJson, parsed, unique } from "./transfer.js";
import { Turns } from "./turns.js";

const fresh = (model, now = Date.now()) => ({ id: unique(), title: "", folder: "", model, system: "", created: now, updated: now });

export class Desk {
  #api;
  #changed;
  #store = null;
  #tabs = null;
  #turns = null;
  #leave = () => this.#tabs?.tell("answered", this.#turns.ids());
  /** What the page shows. `thread` is null while it is read; `unsaved`: ids in memory alone, or "all". */
  state = { ready: false, error: null, chats: [], chat: null, thread: null, unsaved: [], lost: null, said: "", returned: 0, shelf: "" };

  constructor(api, changed) {
    this.#api = api;
    this.#changed = changed;
  }

  /** Conversation's id -> { message }: answers on their way here. */
  get live() {
    return this.#turns?.live ?? new Map();
  }

  /** Ids of the conversations that another tab is having answered. */
  get elsewhere() {
    return this.#tabs?.answering ?? new Set();
  }

  #become(more) {
    this.state = { ...this.state, ...more };
    this.#changed();
  }

  async open(session) {
    const name = shelf(session);
    this.#store = await openKeeping(name);
    this.#turns = new Turns(this.#api, this.#store, (id, kept = false) => (kept ? this.#tell("changed", [id]) : this.#changed()));
    this.#tabs = new Tabs(name, { heard: (told) => this.#heard(told), mine: this.#turns.ids });
    addEventListener("pagehide", this.#leave);
    this.state.shelf = name;
    await this.#list();
    this.#become({ ready: true });
  }

  /** Stop every answer, keeping what has come, and let go of the store. */
  close() {
    removeEventListener("pagehide", this.#leave);
    this.#leave();
    this.#changed = () => {};
    for (const id of this.#turns?.ids() ?? []) this.#turns.stop(id);
    setTimeout(() => {
      this.#tabs?.close();
      this.#store?.close();
    }, 500);
  }

  async #list() {
    try {
      const [chats, unsaved] = [await this.#store.conversations(), await this.#store.unsaved()];
      const chat = chats.find((each) => each.id === this.state.chat?.id) ?? this.state.chat;
      this.#become({ chats, unsaved, chat });
    } catch (error) {
      this.#become({ error });
    }
  }

  #tell = (kind, ids) => this.#tabs?.tell(kind, ids);

  async #heard({ kind, ids }) {
    const id = this.state.chat?.id;
    if (kind === "removed") {
      for (const each of ids) this.#turns.stop(each);
      if (ids.includes(id)) this.#become({ lost: "gone" });
    }
    await this.#list();
    if (kind !== "removed" && ids.includes(id) && !this.live.has(id) && this.state.thread) await this.#load(id);
  }

  /** Show a conversation; without an id a new one, kept from its first message on. */
  async show(id, model = "") {
    if (id && this.state.chat?.id === id) return;
    const chat = this.state.chats.find((each) => each.id === id);
    const clean = { error: null, said: "", lost: null };
    if (!chat) return void this.#become({ ...clean, chat: fresh(model), thread: [], lost: id ? "unknown" : null });
    this.#become({ ...clean, chat, thread: null });
    await this.#load(id);
  }

  async #load(id) {
    const thread = await this.#store.messages(id).catch((error) => this.#become({ error }));
    if (this.state.chat?.id !== id || !thread) return;
    const growing = this.live.get(id)?.message.at; // what was kept of it meanwhile is older
    this.#become({ thread: thread.filter((each) => each.at !== growing) });
  }

  /** Change a conversation's model, title, folder or instructions. */
  change(chat, more) {
    if (this.state.chat?.id === chat.id) this.#become({ chat: { ...this.state.chat, ...more } });
    return this.#do("Not saved", "changed", [chat.id], () => this.#store.change([chat.id], more));
  }

  /** Give a folder's conversations another folder; "" is none. */
  move(folder, to) {
    const ids = this.state.chats.filter((each) => each.folder === folder).map((each) => each.id);
    return this.#do("Not moved", "changed", ids, () => this.#store.change(ids, { folder: to }));
  }

  async remove(ids) {
    for (const id of ids) {
      this.#turns.stop(id);
      write(this.state.shelf, id, { text: "", pictures: [] });
    }
    await this.#do("Not deleted", "removed", ids, () => this.#store.remove(ids));
  }

  async removeAll() {
    await this.remove(this.state.chats.map((each) => each.id));
    forget(this.state.shelf);
  }

  /** Do something to conversations, and tell it here and in other tabs. */
  async #do(failed, kind, ids, work) {
    try {
      await work();
      this.#tell(kind, ids);
      await this.#list();
    } catch (error) {
      this.#become({ error: new Error(`${failed}: ${error?.message ?? error}`) });
    }
  }

  /** Say something and have it answered. `how`: { painter, blind } of the model. */
  async send(text, pictures, how) {
    const last = this.state.thread.at(-1)?.at ?? -1;
    const asked = [...this.state.thread, { role: "user", text, pictures, created: Date.now(), at: last + 1 }];
    const unsaid = await this.#turn(asked, { ...how, from: null, last });
    if (!unsaid) return;
    write(this.state.shelf, unsaid.id, { text: [text, draft(this.state.shelf, unsaid.id).text].filter(Boolean).join("\n\n"), pictures });
    this.#become({ returned: this.state.returned + 1 });
  }

  /** Have the message at a place answered anew, with other words if there are some; what followed it is gone. */
  async again(at, how, text = null) {
    const { thread } = this.state;
    const kept = thread.filter((each) => each.at <= at);
    const asked = kept.slice(0, kept.findLastIndex((each) => each.role === "user") + 1);
    if (!asked.length) return;
    if (text !== null) asked.push({ ...asked.pop(), text });
    await this.#turn(asked, { ...how, from: asked.at(-1).at, last: thread.at(-1).at });
  }

  /** Resolves to null, or to the conversation if it was not written, as where another tab was first. */
  async #turn(asked, how) {
    const { chat } = this.state;
    const now = { ...chat, title: chat.title || titled(asked.at(-1).text), updated: Date.now() };
    this.#become({ chat: now, thread: asked, error: null, said: "", lost: null });
    this.#tell("answering", [chat.id]);
    try {
      const taking = this.#turns.take(now, asked, how);
      this.#changed();
      await this.#settled(now, await taking);
      return null;
    } catch (error) {
      if (this.state.chat?.id === chat.id) this.#become({ error, lost: error.code === "gone" ? "gone" : null });
      if (error.code !== "gone") await this.#load(chat.id);
      return chat;
    } finally {
      this.#tell("answered", [chat.id]);
      this.#tell("changed", [chat.id]);
      await this.#list();
    }
  }

  async #settled(chat, made) {
    if (this.state.chat?.id !== chat.id) return toast(made.error ? `“${chat.title}” was not answered.` : `“${chat.title}” is answered.`, made.error ? "bad" : "");
    if (!this.state.thread) return this.#load(chat.id);
    return this.#become({ thread: [...this.state.thread.filter((each) => each.at < made.at), made], said: spoken(made) });
  }

  stop() {
    this.#turns.stop(this.state.chat.id);
  }

  /** Keep the open conversation, which was deleted elsewhere, as a new one; its id. */
  async rescue() {
    const { chat, thread } = this.state;
    const copy = { ...chat, id: unique() };
    await this.#do("Not saved", "changed", [copy.id], () => this.#store.save(copy, thread.map(({ conversation: _of, ...each }) => each)));
    return copy.id;
  }

  search(text) {
    return this.#store.search(text);
  }

  messages(id) {
    return this.#store.messages(id);
  }

  /** Every conversation as JSON. */
  async everything() {
    const all = [];
    for (const chat of await this.#store.conversations()) all.push([chat, await this.#store.messages(chat.id)]);
    return asJson(all);
  }

  /** Add the conversations of a file; their number, and the id of the first. Raises Error with words for people. */
  async take(text) {
    const found = parsed(text);
    for (const [chat, messages] of found) await this.#store.save(chat, messages);
    this.#tell("changed", found.map(([chat]) => chat.id));
    await this.#list();
    return { count: found.length, first: found[0]?.[0].id };
  }
}

/** What is read out of an answer that is there. */
function spoken({ model, text, pictures, error, stopped }) {
  if (error) return ""; // is an alert
  const words = text.length > 600 ? `${text.slice(0, 600)} …` : text;
  return [stopped ? `${model} was stopped.` : `Answer of ${model}:`, words, pictures.length ? `Pictures: ${pictures.length}.` : ""].filter(Boolean).join(" ");
}

/** A conversation's name after the first words said. */
function titled(text) {
  const line = text.split("\n").map((each) => each.replace(/^[#>*\s`-]+|[*`]+/g, "").trim()).find(Boolean) ?? "";
  return line.length > 60 ? `${line.slice(0, 59).trimEnd()}…` : line || "Picture";
}
