// Data in this page's memory: drafts, and conversations that the browser's database cannot store.

import { Conflict } from "./database.js";

/** Conversations in memory, with the methods of ConversationDatabase. */
export class MemoryStore {
  #entries = new Map(); // id -> { conversation, messages }

  has(id) {
    return this.#entries.has(id);
  }

  /** Store a conversation with all its messages. */
  put(conversation, messages) {
    this.#entries.set(conversation.id, { conversation, messages });
  }

  async conversations() {
    return [...this.#entries.values()].map((each) => each.conversation);
  }

  async messages(id) {
    return this.#entries.get(id)?.messages ?? [];
  }

  async search(text) {
    const lowerText = text.toLowerCase();
    const matches = ({ conversation, messages }) => [conversation.title, ...messages.map((each) => each.text)].some((each) => each.toLowerCase().includes(lowerText));
    return new Set([...this.#entries.values()].filter(matches).map((each) => each.conversation.id));
  }

  async save(conversation, messages = [], { from = null, last = null } = {}) {
    const existing = await this.messages(conversation.id);
    const stored = existing.at(-1)?.at ?? -1;
    if (last !== null && stored !== last) throw new Conflict(stored < 0 ? "deleted" : "moved");
    const retained = existing.filter((each) => (from === null || each.at < from) && messages.every((message) => message.at !== each.at));
    this.put(conversation, [...retained, ...messages].sort((one, other) => one.at - other.at));
  }

  async change(ids, more) {
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (entry) this.put({ ...entry.conversation, ...more }, entry.messages);
    }
  }

  async updateAnswer(id, message) {
    const entry = this.#entries.get(id);
    if (entry) entry.messages = entry.messages.map((each) => (each.at === message.at && each.turn === message.turn ? message : each));
  }

  async remove(ids) {
    for (const id of ids) this.#entries.delete(id);
  }
}

const drafts = new Map();
const NONE = Object.freeze({ text: "", pictures: [] });
const draftKey = (store, id) => `${store} ${id ?? ""}`;

/** Return the unsent draft of a conversation, or of the new one without an id. */
export const readDraft = (store, id) => drafts.get(draftKey(store, id)) ?? NONE;

/** Save a draft; an empty one is removed. */
export function saveDraft(store, id, { text, pictures }) {
  if (text || pictures.length) drafts.set(draftKey(store, id), { text, pictures });
  else drafts.delete(draftKey(store, id));
}

/** Remove all drafts of a session's store. */
export function forgetDrafts(store) {
  for (const each of drafts.keys()) if (each.startsWith(`${store} `)) drafts.delete(each);
}
