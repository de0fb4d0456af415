// Other tabs of this browser with the same conversations: what they change is heard here, and the other way round.

/** Kinds: "changed", "removed", "answering", "answered" with ids; "who" asks the others what they are answering. */
export class Tabs {
  #channel;
  #heard;
  /** Ids of the conversations that another tab is having answered. */
  answering = new Set();

  /** `heard({ kind, ids })` is called for what another tab tells; `mine()` are the ids answered here. */
  constructor(name, { heard, mine }) {
    this.#heard = heard;
    this.#channel = globalThis.BroadcastChannel ? new BroadcastChannel(name) : null;
    if (!this.#channel) return;
    this.#channel.onmessage = ({ data: { kind, ids } }) => {
      if (kind === "who") this.tell("answering", mine());
      else this.#note(kind, ids);
    };
    this.tell("who", []);
  }

  #note(kind, ids) {
    if (kind === "answering") for (const id of ids) this.answering.add(id);
    if (kind === "answered" || kind === "removed") for (const id of ids) this.answering.delete(id);
    this.#heard({ kind, ids });
  }

  tell(kind, ids) {
    if (kind === "who" || ids.length) this.#channel?.postMessage({ kind, ids });
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
  }
}
