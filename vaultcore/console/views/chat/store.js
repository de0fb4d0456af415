// Conversations in this browser's IndexedDB, apart for each key that one signs in with. Nothing of them is at the gateway.

const VERSION = 1;
const CONFLICTS = {
  moved: "This conversation went on in another tab. It was read again; what you wrote is below.",
  gone: "This conversation was deleted in another tab.",
};

/** What another tab did in the meantime, so that nothing was written: `code` is "moved" or "gone". */
export class Conflict extends Error {
  constructor(code) {
    super(CONFLICTS[code]);
    this.code = code;
  }
}

/** What the conversations of a session are kept under. */
export const shelf = (session) => `vaultedge.chat ${new URL("../..", import.meta.url).pathname} ${session.role} ${session.id ?? ""}`;

/** Open what is kept under a name. Raises where the browser keeps nothing, as some do in private windows. */
export async function openDisk(name) {
  const asking = indexedDB.open(name, VERSION);
  asking.onupgradeneeded = () => {
    asking.result.createObjectStore("conversations", { keyPath: "id" });
    asking.result.createObjectStore("messages", { keyPath: ["conversation", "at"] });
  };
  const db = await settled(asking);
  db.onversionchange = () => db.close();
  return new Disk(db);
}

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onblocked = () => reject(request.error ?? new Error("This browser does not open its storage."));
  });

const every = (id, from = 0) => IDBKeyRange.bound([id, from], [id, Infinity]);

class Disk {
  #db;

  constructor(db) {
    this.#db = db;
  }

  /** Run work(conversations, messages, refuse) in one transaction; resolves once it is on disk. */
  async #write(work) {
    const transaction = this.#db.transaction(["conversations", "messages"], "readwrite");
    let refused = null;
    const refuse = (error) => {
      refused = error;
      transaction.abort();
    };
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(refused ?? transaction.error ?? new Error("Not saved."));
      work(transaction.objectStore("conversations"), transaction.objectStore("messages"), refuse);
    });
  }

  #read = (name) => this.#db.transaction(name).objectStore(name);

  conversations() {
    return settled(this.#read("conversations").getAll());
  }

  /** A conversation's messages in their order. */
  messages(id) {
    return settled(this.#read("messages").getAll(every(id)));
  }

  /** Ids of the conversations in whose title or messages a text stands. */
  async search(text) {
    const wanted = text.toLowerCase();
    const found = new Set();
    for (const each of await this.conversations()) if (each.title.toLowerCase().includes(wanted)) found.add(each.id);
    const asking = this.#read("messages").openCursor();
    return new Promise((resolve, reject) => {
      asking.onerror = () => reject(asking.error);
      asking.onsuccess = () => {
        const cursor = asking.result;
        if (!cursor) return resolve(found);
        const { conversation, text: said } = cursor.value;
        if (!found.has(conversation) && said.toLowerCase().includes(wanted)) found.add(conversation);
        if (found.has(conversation)) cursor.continue([conversation, Infinity]);
        else cursor.continue();
        return undefined;
      };
    });
  }

  /**
   * Save a conversation, and messages of it. With `from`, what it had from that place on is gone. `last` is the place of
   * the last message that is thought to be there (-1: none): raises Conflict if another is.
   */
  save(conversation, messages = [], { from = null, last = null } = {}) {
    return this.#write((conversations, kept, refuse) => {
      const put = () => {
        conversations.put(conversation);
        if (from !== null) kept.delete(every(conversation.id, from));
        for (const message of messages) kept.put({ ...message, conversation: conversation.id });
      };
      if (last === null) return put();
      kept.openKeyCursor(every(conversation.id), "prev").onsuccess = ({ target }) => {
        const found = target.result?.key[1] ?? -1;
        if (found === last) put();
        else refuse(new Conflict(found < 0 ? "gone" : "moved"));
      };
      return undefined;
    });
  }

  /** Change conversations' title, model, folder or instructions; those that are deleted stay so. */
  change(ids, more) {
    return this.#write((conversations) => {
      for (const id of ids) conversations.get(id).onsuccess = ({ target }) => target.result && conversations.put({ ...target.result, ...more });
    });
  }

  /** Save an answer as far as it has come, unless it was deleted or asked anew in the meantime. */
  keep(id, message) {
    return this.#write((_, kept) => {
      kept.get([id, message.at]).onsuccess = ({ target }) => target.result?.turn === message.turn && kept.put({ ...message, conversation: id });
    });
  }

  remove(ids) {
    return this.#write((conversations, kept) => {
      for (const id of ids) {
        conversations.delete(id);
        kept.delete(every(id));
      }
    });
  }

  close() {
    this.#db.close();
  }
}
