// Synchronizes tabs of this browser that show the same conversations, by a BroadcastChannel.

/** Message kinds: "changed", "removed", "answering" and "answered" with ids; "who" asks the other tabs for their pending answers. */
export class TabChannel {
  #channel;
  #onMessage;
  /** Ids of the conversations with an answer pending in another tab. */
  answering = new Set();

  /** `onMessage({ kind, ids })` is called for messages of other tabs; `pendingIds()` returns the ids pending in this tab. */
  constructor(name, { onMessage, pendingIds }) {
    this.#onMessage = onMessage;
    this.#channel = globalThis.BroadcastChannel ? new BroadcastChannel(name) : null;
    if (!this.#channel) return;
    this.#channel.onmessage = ({ data: { kind, ids } }) => {
      if (kind === "who") this.send("answering", pendingIds());
      else this.#handle(kind, ids);
    };
    this.send("who", []);
  }

  #handle(kind, ids) {
    if (kind === "answering") for (const id of ids) this.answering.add(id);
    if (kind === "answered" || kind === "removed") for (const id of ids) this.answering.delete(id);
    this.#onMessage({ kind, ids });
  }

  send(kind, ids) {
    if (kind === "who" || ids.length) this.#channel?.postMessage({ kind, ids });
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
  }
}
