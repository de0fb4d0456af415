// Conversations in this browser's IndexedDB, in a separate database for each signed-in key. The gateway stores none of them.

const VERSION = 1;
const CONFLICTS = {
  moved: "Another tab has continued this conversation. It has been reloaded; your message is in the draft below.",
  deleted: "This conversation was deleted in another tab.",
};

/** Another tab has changed the conversation, so nothing was written. `code` is "moved" or "deleted". */
export class Conflict extends Error {
  constructor(code) {
    super(CONFLICTS[code]);
    this.code = code;
  }
}

/** Return the name of the database of a session. */
export const storeName = (session) => `vaultedge.chat ${new URL("../..", import.meta.url).pathname} ${session.role} ${session.id ?? ""}`;

/** Open the database with a name. Raises if the browser allows no storage, as some do in private windows. */
export async function openDatabase(name) {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("conversations", { keyPath: "id" });
    request.result.createObjectStore("messages", { keyPath: ["conversation", "at"] });
  };
  const db = await toPromise(request);
  db.onversionchange = () => db.close();
  return new ConversationDatabase(db);
}

const toPromise = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onblocked = () => reject(request.error ?? new Error("The browser could not open its storage."));
  });

const messageRange = (id, from = 0) => IDBKeyRange.bound([id, from], [id, Infinity]);

class ConversationDatabase {
  #db;

  constructor(db) {
    this.#db = db;
  }

  /** Run work(conversations, messages, abort) in one transaction. Resolves when it is complete. */
  async #write(work) {
    const transaction = this.#db.transaction(["conversations", "messages"], "readwrite");
    let cause = null;
    const abort = (error) => {
      cause = error;
      transaction.abort();
    };
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onerror = transaction.onabort = () => reject(cause ?? transaction.error ?? new Error("The browser could not save the conversation."));
      work(transaction.objectStore("conversations"), transaction.objectStore("messages"), abort);
    });
  }

  #read = (name) => this.#db.transaction(name).objectStore(name);

  conversations() {
    return toPromise(this.#read("conversations").getAll());
  }

  /** Return a conversation's messages in order. */
  messages(id) {
    return toPromise(this.#read("messages").getAll(messageRange(id)));
  }

  /** Return the ids of conversations whose title or messages contain a text. */
  async search(text) {
    const needle = text.toLowerCase();
    const matches = new Set();
    for (const each of await this.conversations()) if (each.title.toLowerCase().includes(needle)) matches.add(each.id);
    const request = this.#read("messages").openCursor();
    return new Promise((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) return resolve(matches);
        const { conversation, text: content } = cursor.value;
        if (!matches.has(conversation) && content.toLowerCase().includes(needle)) matches.add(conversation);
        if (matches.has(conversation)) cursor.continue([conversation, Infinity]);
        else cursor.continue();
        return undefined;
      };
    });
  }

  /**
   * Save a conversation and some of its messages. With `from`, delete its messages from that position on. `last` is the
   * expected position of the last stored message (-1: none); raises Conflict if it differs.
   */
  save(conversation, messages = [], { from = null, last = null } = {}) {
    return this.#write((conversations, messageStore, abort) => {
      const put = () => {
        conversations.put(conversation);
        if (from !== null) messageStore.delete(messageRange(conversation.id, from));
        for (const message of messages) messageStore.put({ ...message, conversation: conversation.id });
      };
      if (last === null) return put();
      messageStore.openKeyCursor(messageRange(conversation.id), "prev").onsuccess = ({ target }) => {
        const stored = target.result?.key[1] ?? -1;
        if (stored === last) put();
        else abort(new Conflict(stored < 0 ? "deleted" : "moved"));
      };
      return undefined;
    });
  }

  /** Change fields of conversations. Deleted ones are not created again. */
  change(ids, more) {
    return this.#write((conversations) => {
      for (const id of ids) conversations.get(id).onsuccess = ({ target }) => target.result && conversations.put({ ...target.result, ...more });
    });
  }

  /** Save a partial or complete answer, unless it was deleted or regenerated meanwhile. */
  updateAnswer(id, message) {
    return this.#write((_, messageStore) => {
      messageStore.get([id, message.at]).onsuccess = ({ target }) => target.result?.turn === message.turn && messageStore.put({ ...message, conversation: id });
    });
  }

  remove(ids) {
    return this.#write((conversations, messageStore) => {
      for (const id of ids) {
        conversations.delete(id);
        messageStore.delete(messageRange(id));
      }
    });
  }

  close() {
    this.#db.close();
  }
}
