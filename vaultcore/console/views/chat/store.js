// Conversations in this browser's IndexedDB, apart for each key that one signs in with. Nothing of them is at the gateway.

const VERSION = 1;

/** Open the store of a session's conversations. Raises where the browser keeps nothing, as some do in private windows. */
export async function openStore(session) {
  const name = `vaultedge.chat ${new URL("../..", import.meta.url).pathname} ${session.role} ${session.id ?? ""}`;
  const asking = indexedDB.open(name, VERSION);
  asking.onupgradeneeded = () => {
    asking.result.createObjectStore("conversations", { keyPath: "id" });
    asking.result.createObjectStore("messages", { keyPath: ["conversation", "at"] });
  };
  const db = await settled(asking);
  db.onversionchange = () => db.close();
  return new Store(db);
}

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onblocked = () => reject(request.error ?? new Error("This browser does not open its storage."));
  });

const every = (id, from = 0) => IDBKeyRange.bound([id, from], [id, Infinity]);

class Store {
  #db;

  constructor(db) {
    this.#db = db;
  }

  /** Run work(conversations, messages) in one transaction; resolves once it is on disk. */
  async #write(work) {
    const transaction = this.#db.transaction(["conversations", "messages"], "readwrite");
    work(transaction.objectStore("conversations"), transaction.objectStore("messages"));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(transaction.error ?? new Error("Not saved."));
    });
  }

  #read = (name) => this.#db.transaction(name).objectStore(name);

  /** All conversations, the one that was touched last first. */
  async conversations() {
    const found = await settled(this.#read("conversations").getAll());
    return found.sort((one, other) => other.updated - one.updated);
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

  /** Save a conversation, and messages of it. With `from`, what it had from that place on is gone. */
  save(conversation, messages = [], { from = null } = {}) {
    return this.#write((conversations, kept) => {
      conversations.put(conversation);
      if (from !== null) kept.delete(every(conversation.id, from));
      for (const message of messages) kept.put({ ...message, conversation: conversation.id });
    });
  }

  /** Save an answer as far as it has come, unless its conversation was deleted in the meantime. */
  keep(id, message) {
    return this.#write((conversations, kept) => {
      conversations.get(id).onsuccess = ({ target }) => target.result && kept.put({ ...message, conversation: id });
    });
  }

  remove(id) {
    return this.#write((conversations, kept) => {
      conversations.delete(id);
      kept.delete(every(id));
    });
  }

  close() {
    this.#db.close();
  }
}
