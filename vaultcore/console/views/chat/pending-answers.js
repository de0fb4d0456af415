// Pending answers: each continues while other conversations are open, and is saved as it grows.

import { requestAnswer } from "./completion.js";
import { unique } from "./transfer.js";

const SAVE_INTERVAL = 2_000; // milliseconds between saves of a growing answer
const RENDER_INTERVAL = 60; // milliseconds between renders, each of which renders the last lines again

export class PendingAnswers {
  #api;
  #store;
  #onChange;
  #timer = 0;
  /** Conversation id -> { message, stop }. */
  live = new Map();

  /** `onChange(id)` is called when there is more to render, `onChange(id, true)` after a save. */
  constructor(api, store, onChange) {
    this.#api = api;
    this.#store = store;
    this.#onChange = onChange;
  }

  ids = () => [...this.live.keys()];

  stop(id) {
    this.live.get(id)?.stop.abort();
  }

  /** Save the last message, request its answer and save that. Return the answer. Raises Conflict before any request. */
  async request(chat, messages, { from, last, ...modelTraits }) {
    const question = messages.at(-1);
    const position = { at: question.at + 1, turn: unique() };
    const empty = { role: "assistant", text: "", pictures: [], model: chat.model, created: Date.now(), ...position };
    const stop = new AbortController();
    this.live.set(chat.id, { message: empty, stop });
    try {
      await this.#store.save(chat, [question, { ...empty, stopped: true }], { from, last });
      this.#onChange(chat.id, true);
      const answer = { ...(await this.#stream(chat, messages, position, { ...modelTraits, stop })), ...position };
      await this.#store.updateAnswer(chat, answer);
      return answer;
    } finally {
      this.live.delete(chat.id);
    }
  }

  #stream(chat, messages, position, { stop, ...modelTraits }) {
    let saved = performance.now();
    const onUpdate = (more) => {
      const message = { ...more, ...position };
      this.live.set(chat.id, { message, stop });
      if (performance.now() - saved > SAVE_INTERVAL) {
        saved = performance.now();
        this.#store.updateAnswer(chat, { ...message, stopped: true }).then(() => this.#onChange(chat.id, true), () => {});
      }
      this.#scheduleRender(chat.id);
    };
    return requestAnswer(this.#api, chat, messages, { ...modelTraits, signal: stop.signal, onUpdate });
  }

  /** Render at most once per RENDER_INTERVAL, in an animation frame. */
  #scheduleRender(id) {
    if (this.#timer) return;
    this.#timer = setTimeout(() => requestAnimationFrame(() => {
      this.#timer = 0;
      this.#onChange(id);
    }), RENDER_INTERVAL);
  }
}
