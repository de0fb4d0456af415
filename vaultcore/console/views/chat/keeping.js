// Where conversations are kept: on disk as long as that takes them, else in memory until the page is closed.

import { Memory } from "./memory.js";
import { Conflict, openDisk } from "./store.js";

/** Open what is kept under a name. */
export async function openKeeping(name) {
  const disk = await openDisk(name).catch(() => null);
  return new Keeping(disk);
}

class Keeping {
  #disk;
  #memory = new Memory();

  constructor(disk) {
    this.#disk = disk;
  }

  /** Ids of what is in memory alone, or "all" where there is no disk. */
  async unsaved() {
    return this.#disk ? (await this.#memory.conversations()).map((each) => each.id) : "all";
  }

  #at = (id) => (this.#disk && !this.#memory.has(id) ? this.#disk : this.#memory);

  /** All conversations, the one that was touched last first. */
  async conversations() {
    const held = await this.#memory.conversations();
    const kept = (await this.#disk?.conversations()) ?? [];
    return [...held, ...kept.filter((each) => !this.#memory.has(each.id))].sort((one, other) => other.updated - one.updated);
  }

  messages(id) {
    return this.#at(id).messages(id);
  }

  async search(text) {
    return new Set([...((await this.#disk?.search(text)) ?? []), ...(await this.#memory.search(text))]);
  }

  /** Write; what the disk does not take, as it is full, goes on in memory. */
  async #write(conversation, work) {
    const place = this.#at(conversation.id);
    try {
      return await work(place);
    } catch (error) {
      if (place === this.#memory || error instanceof Conflict) throw error;
      const messages = await place.messages(conversation.id);
      if (messages.length) this.#memory.hold(conversation, messages);
      return work(this.#memory);
    }
  }

  save(conversation, messages, options) {
    return this.#write(conversation, (place) => place.save(conversation, messages, options));
  }

  keep(conversation, message) {
    return this.#write(conversation, (place) => place.keep(conversation.id, message));
  }

  async change(ids, more) {
    await this.#memory.change(ids, more);
    await this.#disk?.change(ids, more);
  }

  /** Delete; what was in memory alone is saved if there is room for it now. */
  async remove(ids) {
    await this.#memory.remove(ids);
    if (!this.#disk) return;
    await this.#disk.remove(ids);
    for (const each of await this.#memory.conversations()) {
      await this.#disk.save(each, await this.#memory.messages(each.id), { from: 0 }).then(() => this.#memory.remove([each.id]), () => {});
    }
  }

  close() {
    this.#disk?.close();
  }
}
