// Where one writes: the text, pictures with it, sending and stopping.

import { html, Button, Field, IconButton, toast, useEffect, useRef, useState } from "../../ui/index.js";
import { ACCEPTED, among, picture } from "./pictures.js";

const MOST = 8;
/** Whether there is a keyboard that is not on the screen. */
const typing = () => matchMedia("(pointer: fine)").matches;

/** Composer: busy (an answer is on its way), ready, painter (the model makes pictures), eager (takes the focus), onSend(text, pictures), onStop. */
export function Composer({ busy, ready, painter, eager, onSend, onStop }) {
  const [text, type] = useState("");
  const [pictures, hold] = useState([]);
  const form = useRef(null);
  const focus = () => form.current.querySelector("textarea").focus({ preventScroll: true });
  useEffect(() => {
    if (eager && typing()) focus();
  }, [ready]);
  const able = ready && !busy && (text.trim() || (pictures.length && !painter));
  const send = (event) => {
    event?.preventDefault();
    if (!able) return;
    onSend(text.trim(), painter ? [] : pictures);
    type("");
    hold([]);
  };
  const keys = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !typing()) return;
    event.preventDefault();
    send();
  };
  const stop = () => {
    onStop();
    focus(); // the button that was pressed goes away
  };
  const attach = async (files) => {
    const found = await Promise.allSettled(files.slice(0, MOST - pictures.length).map(picture));
    for (const each of found) if (each.reason) toast(each.reason.message, "bad");
    if (files.length > MOST - pictures.length) toast(`A message has ${MOST} pictures at most.`, "bad");
    hold((held) => [...held, ...found.filter((each) => each.value).map((each) => each.value)].slice(0, MOST));
  };
  const taken = (transfer) => (event) => {
    const files = among(event[transfer]);
    if (!files.length || painter) return;
    event.preventDefault();
    attach(files);
  };
  return html`
    <form class="composer" ref=${form} onSubmit=${send} onPaste=${taken("clipboardData")} onDrop=${taken("dataTransfer")}
      onDragOver=${(event) => event.preventDefault()}>
      <${Attached} of=${pictures} onRemove=${(at) => hold(pictures.filter((_, index) => index !== at))} />
      <${Field} label="Message" hideLabel area=${2} value=${text} onInput=${type} onKeyDown=${keys} disabled=${!ready}
        placeholder=${painter ? "Describe a picture …" : "Write a message …"} enterkeyhint="send" />
      <div class="composer-foot">
        ${painter ? html`<span class="dim small">This model makes pictures of your words.</span>` : html`<${Attach} onFiles=${attach} disabled=${!ready} />`}
        <span class="dim small keys">Enter sends, Shift+Enter begins a line</span>
        ${busy ? html`<${Button} key="stop" icon="stop" onClick=${stop}>Stop<//>`
          : html`<${Button} key="send" kind="main" icon="send" type="submit" disabled=${!able}>Send<//>`}
      </div>
    </form>`;
}

function Attach({ onFiles, disabled }) {
  const input = useRef(null);
  const chosen = (event) => {
    onFiles([...event.currentTarget.files]);
    event.currentTarget.value = "";
  };
  return html`
    <input ref=${input} class="hidden" type="file" accept=${ACCEPTED} multiple tabindex="-1" aria-label="Pictures" onChange=${chosen} />
    <${IconButton} label="Attach pictures" icon="image" disabled=${disabled} onClick=${() => input.current.click()} />`;
}

function Attached({ of, onRemove }) {
  if (!of.length) return null;
  return html`
    <ul class="pictures attached">
      ${of.map((url, index) => html`
        <li key=${url.slice(-64)}><img src=${url} alt=${`Attached picture ${index + 1}`} />
          <${IconButton} label=${`Remove picture ${index + 1}`} icon="close" onClick=${() => onRemove(index)} /></li>`)}
    </ul>`;
}
