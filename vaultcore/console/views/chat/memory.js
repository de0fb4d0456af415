// What is in this page's memory alone: drafts, and conversations where the browser keeps none, or no more.

import { Conflict } from "./store.js";

/** Conversations, with the methods of those on disk. */
export class Memory {
  #held = new Map(); // id -> { conversation, messages }

  has(id) {
    return this.#held.has(id);
  }

  /** Hold a conversation with all its messages. */
  hold(conversation, messages) {
    this.#held.set(conversation.id, { conversation, messages });
  }

  async conversations() {
    return [...this.#held.values()].map((each) => each.conversation);
  }

  async messages(id) {
    return this.#held.get(id)?.messages ?? [];
  }

  async search(text) {
    const wanted = text.toLowerCase();
    const inside = ({ conversation, messages }) => [conversation.title, ...messages.map((each) => each.text)].some((each) => each.toLowerCase().includes(wanted));
    return new Set([...this.#held.values()].filter(inside).map((each) => each.conversation.id));
  }

  async save(conversation, messages = [], { from = null, last = null } = {}) {
    const held = await this.messages(conversation.id);
    const found = held.at(-1)?.at ?? -1;
    if (last !== null && found !== last) throw new Conflict(found < 0 ? "gone" : "moved");
    const kept = held.filter((each) => (from === null || each.at < from) && messages.every((message) => message.at !== each.at));
    this.hold(conversation, [...kept, ...messages].sort((one, other) => one.at - other.at));
  }

  async change(ids, more) {
    for (const id of ids) {
      const held = this.#held.get(id);
      if (held) this.hold({ ...held.conversation, ...more }, held.messages);
    }
  }

  async keep(id, message) {
    const held = this.#held.get(id);
    if (held) held.messages = held.messages.map((each) => (each.at === message.at && each.turn === message.turn ? message : each));
  }

  async remove(ids) {
    for (const id of ids) this.#held.delete(id);
  }
}

const drafts = new Map();
const NONE = Object.freeze({ text: "", pictures: [] });
const name = (shelf, id) => `${shelf} ${id ?? ""}`;

/** What was written and not sent yet in a conversation, or of the new one where there is no id. */
export const draft = (shelf, id) => drafts.get(name(shelf, id)) ?? NONE;

/** Keep a draft; an empty one is forgotten. */
export function write(shelf, id, { text, pictures }) {
  if (text || pictures.length) drafts.set(name(shelf, id), { text, pictures });
  else drafts.delete(name(shelf, id));
}

/** Forget every draft of one who signed in. */
export function forget(shelf) {
  for (const each of drafts.keys()) if (each.startsWith(`${shelf} `)) drafts.delete(each);
}
