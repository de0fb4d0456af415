// Chat: conversations with models, stored in this browser. Messages are sent through the gateway like any request.

import { html, Button, ErrorNote, IconButton, Loading, Page, confirm, toast, useFetch, useEffect, useReducer, useRef } from "../ui/index.js";
import { ChatController } from "./chat/controller.js";
import { ChatLayout } from "./chat/layout.js";
import { download } from "./chat/transfer.js";
import { loadModels } from "./playground/models.js";

const INTRO = "Conversations are stored in this browser, not on the gateway.";
const ALL = "delete all";

export default function Chat({ session, api, go, query }) {
  const controller = useChatController(session, api);
  const { ready, chats, unsaved } = controller.state;
  const modelList = useFetch((signal) => loadModels(api, session, signal)); // this does not create an admin's play key; the first message does
  const importFile = async (file) => {
    try {
      const { count, first } = await controller.importJson(await file.text());
      toast(count === 1 ? "Imported 1 conversation." : `Imported ${count} conversations.`, "good");
      if (first) go("chat", { id: first });
    } catch (error) {
      toast(`Import failed: ${error.message}`, "bad");
    }
  };
  const removeAll = async () => {
    const text = `This permanently deletes ${chats.length === 1 ? "1 conversation" : `${chats.length} conversations`} from this browser.`;
    if (!(await confirm({ title: "Delete all conversations?", text, action: "Delete all", danger: true, phrase: ALL }))) return;
    await controller.removeAll();
    go("chat");
  };
  const actions = html`
    <${Import} onFile=${importFile} disabled=${!ready} />
    <${Button} small icon="download" disabled=${!chats.length}
      onClick=${async () => download("conversations.json", await controller.exportAll(), "application/json")}>Export all<//>
    <${IconButton} label="Delete all conversations" icon="trash" kind="danger" disabled=${!chats.length} onClick=${removeAll} />`;
  return html`
    <${Page} title="Chat" intro=${INTRO} wide actions=${actions}>
      ${unsaved.length > 0 && html`<${Unsaved} all=${unsaved === "all"} count=${unsaved.length} />`}
      ${modelList.error && !modelList.data && html`<${ErrorNote} error=${modelList.error} retry=${modelList.retry} title="Could not load the models. You cannot send messages" />`}
      ${ready && (modelList.data || modelList.error) ? html`<${ChatLayout} controller=${controller} models=${modelList.data ?? []} modelsLoaded=${Boolean(modelList.data)} go=${go} query=${query} />`
        : html`<${Loading} lines=${8} />`}
    <//>`;
}

const Unsaved = ({ all, count }) => html`
  <p class="note" role="status">${all ? "This browser does not allow storage, as in a private window. Conversations are lost when you leave this page. Export them to keep them."
    : `This browser's storage is full. ${count === 1 ? "1 conversation is" : `${count} conversations are`} lost when you leave this page. Export them, or delete others.`}</p>`;

function useChatController(session, api) {
  const [, changed] = useReducer((turn) => turn + 1, 0);
  const ref = useRef(null);
  ref.current ??= new ChatController(api, () => changed());
  useEffect(() => {
    ref.current.open(session);
    return () => ref.current.close();
  }, []);
  return ref.current;
}

function Import({ onFile, disabled }) {
  const input = useRef(null);
  const handleChange = (event) => {
    const [file] = event.currentTarget.files;
    if (file) onFile(file);
    event.currentTarget.value = "";
  };
  return html`
    <input ref=${input} class="visually-hidden" type="file" accept="application/json,.json" tabindex="-1" aria-label="File to import" onChange=${handleChange} />
    <${Button} small icon="upload" disabled=${disabled} onClick=${() => input.current.click()}>Import<//>`;
}
