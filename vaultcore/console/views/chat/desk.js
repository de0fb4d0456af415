// The desk that the page works at: conversations, the open one, and answers that are on their way.

import { answer } from "./ask.js";
import { openStore } from "./store.js";
import { asJson, parsed, unique } from "./transfer.js";

const EVERY = 2_000; // ms between two savings of an answer that grows

export class Desk {
  #api;
  #changed;
  #store = null;
  #drawn = 0;
  /** What the page shows. `thread` is null while it is read; `live`: conversation's id -> { message, stop }. */
  state = { ready: false, error: null, chats: [], chat: null, thread: null, live: new Map() };

  constructor(api, changed) {
    this.#api = api;
    this.#changed = changed;
  }

  #become(more) {
    this.state = { ...this.state, ...more };
    this.#changed();
  }

  async open(session) {
    try {
      this.#store = await openStore(session);
      this.#become({ ready: true, error: null, chats: await this.#store.conversations() });
    } catch (error) {
      this.#become({ error: new Error(`This browser keeps no conversations: ${error?.message ?? "its storage is shut"}`) });
    }
  }

  /** Stop every answer, keeping what has come, and let go of the store. */
  close() {
    this.#changed = () => {};
    for (const { stop } of this.state.live.values()) stop.abort();
    setTimeout(() => this.#store?.close(), 0);
  }

  /** Show a conversation; one that does not exist is a new one, kept from its first message on. */
  async show(id, model = "") {
    if (id && this.state.chat?.id === id) return;
    const chat = this.state.chats.find((each) => each.id === id);
    if (!chat) {
      const now = Date.now();
      this.#become({ chat: { id: unique(), title: "", folder: "", model, system: "", created: now, updated: now }, thread: [] });
      return;
    }
    this.#become({ chat, thread: null });
    await this.#load(id);
  }

  async #load(id) {
    const thread = await this.#store.messages(id).catch((error) => this.#become({ error }));
    if (this.state.chat?.id !== id || !thread) return;
    const growing = this.state.live.get(id)?.message.at; // what was kept of it meanwhile is older
    this.#become({ thread: thread.filter((each) => each.at !== growing) });
  }

  /** Change the open conversation's model, title, folder or instructions. */
  async change(more) {
    const chat = { ...this.state.chat, ...more };
    this.#take(chat);
    if (this.state.thread?.length) await this.#save(chat);
  }

  #take(chat) {
    const known = this.state.chats.some((each) => each.id === chat.id);
    this.#become({ chat, chats: known ? this.state.chats.map((each) => (each.id === chat.id ? chat : each)) : this.state.chats });
  }

  async #save(chat, messages = [], options = {}) {
    try {
      await this.#store.save(chat, messages, options);
      this.#become({ chats: await this.#store.conversations() });
    } catch (error) {
      this.#become({ error: new Error(`Not saved: ${error?.message ?? error}`) });
    }
  }

  /** Say something and have it answered. */
  async send(text, pictures, painter) {
    const { chat, thread } = this.state;
    const at = (thread.at(-1)?.at ?? -1) + 1;
    await this.#turn([...thread, { role: "user", text, pictures, created: Date.now(), at }], chat, painter, null);
  }

  /** Have the message at a place answered anew, with other words if there are some; what followed it is gone. */
  async again(at, painter, text = null) {
    const { chat, thread } = this.state;
    const kept = thread.filter((each) => each.at <= at);
    const last = kept.findLastIndex((each) => each.role === "user");
    if (last < 0) return;
    const asked = kept.slice(0, last + 1);
    if (text !== null) asked[last] = { ...asked[last], text };
    await this.#turn(asked, chat, painter, asked[last].at);
  }

  async #turn(asked, chat, painter, from) {
    const last = asked.at(-1);
    const now = { ...chat, title: chat.title || titled(last.text), updated: Date.now() };
    const stop = new AbortController();
    const at = last.at + 1;
    const message = { role: "assistant", text: "", pictures: [], model: chat.model, created: Date.now(), at };
    this.state.live.set(chat.id, { message, stop });
    this.#become({ chat: now, thread: asked });
    await this.#save(now, [last], { from });
    let saved = performance.now();
    const grown = (more) => {
      this.state.live.set(chat.id, { message: { ...more, at }, stop });
      if (performance.now() - saved > EVERY) {
        saved = performance.now();
        this.#store.keep(chat.id, { ...more, stopped: true, at }).catch(() => {});
      }
      this.#soon();
    };
    const made = { ...(await answer(this.#api, now, asked, { painter, signal: stop.signal, grown })), at };
    this.state.live.delete(chat.id);
    await this.#store.keep(chat.id, made).catch((error) => this.#become({ error }));
    if (this.state.chat?.id !== chat.id) this.#changed();
    else if (this.state.thread) this.#become({ thread: [...this.state.thread.filter((each) => each.at < at), made] });
    else await this.#load(chat.id);
  }

  /** Draw once a frame, however fast the pieces come. */
  #soon() {
    if (this.#drawn) return;
    this.#drawn = requestAnimationFrame(() => {
      this.#drawn = 0;
      this.#changed();
    });
  }

  stop() {
    this.state.live.get(this.state.chat.id)?.stop.abort();
  }

  async remove(id) {
    this.state.live.get(id)?.stop.abort();
    try {
      await this.#store.remove(id);
      this.#become({ chats: await this.#store.conversations() });
    } catch (error) {
      this.#become({ error: new Error(`Not deleted: ${error?.message ?? error}`) });
    }
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
    this.#become({ chats: await this.#store.conversations() });
    return { count: found.length, first: found[0]?.[0].id };
  }
}

/** A conversation's name after the first words said. */
function titled(text) {
  const line = text.trim().split("\n")[0];
  return line.length > 60 ? `${line.slice(0, 59).trimEnd()}…` : line || "Picture";
}
