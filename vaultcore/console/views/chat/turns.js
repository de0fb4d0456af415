// Answers on their way: each goes on by itself, whatever conversation is open, and is kept as it grows.

import { answer } from "./ask.js";
import { unique } from "./transfer.js";

const EVERY = 2_000; // ms between two savings of an answer that grows
const PAUSE = 60; // ms between two drawings: nobody reads faster, and each draws the last lines anew

export class Turns {
  #api;
  #store;
  #grew;
  #waiting = 0;
  /** Conversation's id -> { message, stop }. */
  live = new Map();

  /** `grew(id)` is called when there is more to draw, `grew(id, true)` when something was kept. */
  constructor(api, store, grew) {
    this.#api = api;
    this.#store = store;
    this.#grew = grew;
  }

  ids = () => [...this.live.keys()];

  stop(id) {
    this.live.get(id)?.stop.abort();
  }

  /** Have what was asked answered and kept; the answer. Raises Conflict before anything was asked. */
  async take(chat, asked, { from, last, ...how }) {
    const question = asked.at(-1);
    const mark = { at: question.at + 1, turn: unique() };
    const empty = { role: "assistant", text: "", pictures: [], model: chat.model, created: Date.now(), ...mark };
    const stop = new AbortController();
    this.live.set(chat.id, { message: empty, stop });
    try {
      await this.#store.save(chat, [question, { ...empty, stopped: true }], { from, last });
      this.#grew(chat.id, true);
      const made = { ...(await this.#grown(chat, asked, mark, { ...how, stop })), ...mark };
      await this.#store.keep(chat, made);
      return made;
    } finally {
      this.live.delete(chat.id);
    }
  }

  #grown(chat, asked, mark, { stop, ...how }) {
    let saved = performance.now();
    const grown = (more) => {
      const message = { ...more, ...mark };
      this.live.set(chat.id, { message, stop });
      if (performance.now() - saved > EVERY) {
        saved = performance.now();
        this.#store.keep(chat, { ...message, stopped: true }).then(() => this.#grew(chat.id, true), () => {});
      }
      this.#soon(chat.id);
    };
    return answer(this.#api, chat, asked, { ...how, signal: stop.signal, grown });
  }

  /** Draw at most so often, and at a frame, however fast the pieces come. */
  #soon(id) {
    if (this.#waiting) return;
    this.#waiting = setTimeout(() => requestAnimationFrame(() => {
      this.#waiting = 0;
      this.#grew(id);
    }), PAUSE);
  }
}
