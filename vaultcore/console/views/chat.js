// Chat: conversations with models, kept in this browser; what is sent goes through the gateway like any request.

import { html, Button, ErrorNote, IconButton, Loading, Page, confirm, toast, useAsked, useEffect, useReducer, useRef } from "../ui/index.js";
import { Desk } from "./chat/desk.js";
import { Room } from "./chat/room.js";
import { download } from "./chat/transfer.js";
import { models as listed } from "./playground/models.js";

const INTRO = "Conversations stay in this browser; the gateway keeps none of their words.";
const ALL = "delete all";

export default function Chat({ session, api, go, query }) {
  const desk = useDesk(session, api);
  const { ready, chats, unsaved } = desk.state;
  const models = useAsked((signal) => listed(api, session, signal)); // without a key of an admin's own: that is made for a message
  const bring = async (file) => {
    try {
      const { count, first } = await desk.take(await file.text());
      toast(count === 1 ? "1 conversation was imported." : `${count} conversations were imported.`, "good");
      if (first) go("chat", { id: first });
    } catch (failed) {
      toast(`Not imported: ${failed.message}`, "bad");
    }
  };
  const clear = async () => {
    const text = `${chats.length === 1 ? "1 conversation is" : `${chats.length} conversations are`} deleted from this browser for good, also in its other tabs.`;
    if (!(await confirm({ title: "Delete all conversations?", text, action: "Delete all", danger: true, typed: ALL }))) return;
    await desk.removeAll();
    go("chat");
  };
  const actions = html`
    <${Import} onFile=${bring} disabled=${!ready} />
    <${Button} small icon="download" disabled=${!chats.length}
      onClick=${async () => download("conversations.json", await desk.everything(), "application/json")}>Export all<//>
    <${IconButton} label="Delete all conversations" icon="trash" kind="danger" disabled=${!chats.length} onClick=${clear} />`;
  return html`
    <${Page} title="Chat" intro=${INTRO} wide actions=${actions}>
      ${unsaved.length > 0 && html`<${Unsaved} all=${unsaved === "all"} count=${unsaved.length} />`}
      ${models.error && !models.data && html`<${ErrorNote} error=${models.error} retry=${models.retry} title="The models cannot be read, so nothing can be sent" />`}
      ${ready && (models.data || models.error) ? html`<${Room} desk=${desk} models=${models.data ?? []} known=${Boolean(models.data)} go=${go} query=${query} />`
        : html`<${Loading} lines=${8} />`}
    <//>`;
}

const Unsaved = ({ all, count }) => html`
  <p class="note" role="status">${all ? "This browser keeps nothing, as in a private window: conversations are gone when this page is left. Export what you want to keep."
    : `This browser's storage is full: ${count === 1 ? "1 conversation is" : `${count} conversations are`} kept until this page is left. Export them, or delete others.`}</p>`;

function useDesk(session, api) {
  const [, changed] = useReducer((turn) => turn + 1, 0);
  const ref = useRef(null);
  ref.current ??= new Desk(api, () => changed());
  useEffect(() => {
    ref.current.open(session);
    return () => ref.current.close();
  }, []);
  return ref.current;
}

function Import({ onFile, disabled }) {
  const input = useRef(null);
  const chosen = (event) => {
    const [file] = event.currentTarget.files;
    if (file) onFile(file);
    event.currentTarget.value = "";
  };
  return html`
    <input ref=${input} class="hidden" type="file" accept="application/json,.json" tabindex="-1" aria-label="File to import" onChange=${chosen} />
    <${Button} small icon="upload" disabled=${disabled} onClick=${() => input.current.click()}>Import<//>`;
}
