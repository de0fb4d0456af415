// Stores conversations in the browser's database, or in memory if the database is unavailable or full.

import { MemoryStore } from "./memory.js";
import { Conflict, openDatabase } from "./database.js";

/** Open the storage with a name. */
export async function openStorage(name) {
  const database = await openDatabase(name).catch(() => null);
  return new ConversationStorage(database);
}

class ConversationStorage {
  #database;
  #memory = new MemoryStore();

  constructor(database) {
    this.#database = database;
  }

  /** Return the ids of conversations that exist only in memory, or "all" without a database. */
  async unsaved() {
    return this.#database ? (await this.#memory.conversations()).map((each) => each.id) : "all";
  }

  #storeOf = (id) => (this.#database && !this.#memory.has(id) ? this.#database : this.#memory);

  /** Return all conversations, the most recently updated first. */
  async conversations() {
    const inMemory = await this.#memory.conversations();
    const stored = (await this.#database?.conversations()) ?? [];
    return [...inMemory, ...stored.filter((each) => !this.#memory.has(each.id))].sort((one, other) => other.updated - one.updated);
  }

  messages(id) {
    return this.#storeOf(id).messages(id);
  }

  async search(text) {
    return new Set([...((await this.#database?.search(text)) ?? []), ...(await this.#memory.search(text))]);
  }

  /** Run a write. If the database rejects it, as when it is full, move the conversation to memory. */
  async #write(conversation, work) {
    const store = this.#storeOf(conversation.id);
    try {
      return await work(store);
    } catch (error) {
      if (store === this.#memory || error instanceof Conflict) throw error;
      const messages = await store.messages(conversation.id);
      if (messages.length) this.#memory.put(conversation, messages);
      return work(this.#memory);
    }
  }

  save(conversation, messages, options) {
    return this.#write(conversation, (store) => store.save(conversation, messages, options));
  }

  updateAnswer(conversation, message) {
    return this.#write(conversation, (store) => store.updateAnswer(conversation.id, message));
  }

  async change(ids, more) {
    await this.#memory.change(ids, more);
    await this.#database?.change(ids, more);
  }

  /** Delete conversations. Those in memory are then saved to the database if it has space now. */
  async remove(ids) {
    await this.#memory.remove(ids);
    if (!this.#database) return;
    await this.#database.remove(ids);
    for (const each of await this.#memory.conversations()) {
      await this.#database.save(each, await this.#memory.messages(each.id), { from: 0 }).then(() => this.#memory.remove([each.id]), () => {});
    }
  }

  close() {
    this.#database?.close();
  }
}
