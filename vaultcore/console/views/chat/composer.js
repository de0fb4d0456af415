// Where one writes: the text, pictures with it, sending and stopping.

import { html, Button, Field, Icon, IconButton, useEffect, useRef, useState } from "../../ui/index.js";
import { ACCEPTED, among, picture } from "./pictures.js";

const MOST = 8;
/** Whether there is a keyboard that is not on the screen. */
const typing = () => matchMedia("(pointer: fine)").matches;

/**
 * Composer: busy (an answer is on its way), ready, painter (the model makes pictures), blind (the name of a model that sees
 * none), begun (the draft), onDraft({ text, pictures }), eager (takes the focus), onSend(text, pictures), onStop.
 */
export function Composer({ busy, ready, painter, blind, begun, onDraft, eager, onSend, onStop }) {
  const form = useRef(null);
  const { text, pictures, wrong, become, attach } = useDraft(begun, onDraft, painter);
  const focus = () => typing() && form.current.querySelector("textarea").focus({ preventScroll: true });
  const over = useDrop(form, attach);
  useEffect(() => {
    if (eager) focus();
  }, [ready]);
  const unseen = Boolean(blind && pictures.length);
  const able = ready && !busy && !unseen && (text.trim() || (pictures.length && !painter));
  const send = (event) => {
    event?.preventDefault();
    if (!able) return;
    onSend(text.trim(), painter ? [] : pictures);
    become({ text: "", pictures: [] });
    focus();
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
  const pasted = (event) => {
    const files = among(event.clipboardData);
    if (!files.length) return;
    event.preventDefault();
    attach(files);
  };
  const told = unseen ? `${blind} cannot see pictures: choose another model, or remove them.` : wrong;
  return html`
    <form class=${over ? "composer over" : "composer"} ref=${form} onSubmit=${send} onPaste=${pasted}>
      <${Attached} of=${painter ? [] : pictures} onRemove=${(at) => become({ text, pictures: pictures.filter((_, index) => index !== at) })} />
      ${told && html`<p class="hint bad" role="alert">${told}</p>`}
      <${Field} label="Message" hideLabel area=${2} value=${text} onInput=${(more) => become({ text: more, pictures })} onKeyDown=${keys} disabled=${!ready}
        placeholder=${painter ? "Describe a picture …" : "Write a message …"} enterkeyhint="send" />
      <div class="composer-foot">
        ${painter ? html`<span class="dim small">This model makes pictures of your words.</span>` : html`<${Attach} onFiles=${attach} disabled=${!ready} />`}
        <span class="dim small keys">${busy ? "Escape stops" : "Enter sends, Shift+Enter begins a line"}</span>
        ${busy ? html`<${Button} key="stop" icon="stop" onClick=${stop}>Stop<//>`
          : html`<${Button} key="send" kind="main" icon="send" type="submit" disabled=${!able}>Send<//>`}
      </div>
      ${over && html`<p class="composer-over"><${Icon} name="image" /> Drop pictures to attach them</p>`}
    </form>`;
}

/** What is being written; pictures are read as they come, and what is wrong with them is told. */
function useDraft(begun, onDraft, painter) {
  const [draft, hold] = useState(begun);
  const [wrong, tell] = useState("");
  const now = useRef(draft);
  const become = (next) => {
    now.current = next;
    hold(next);
    tell("");
    onDraft(next);
  };
  const attach = async (files) => {
    if (painter) return void tell("This model makes pictures of words alone.");
    const room = MOST - now.current.pictures.length;
    const found = await Promise.allSettled(files.slice(0, room).map(picture));
    const { text, pictures } = now.current;
    become({ text, pictures: [...pictures, ...found.filter((each) => each.value).map((each) => each.value)].slice(0, MOST) });
    const faults = found.filter((each) => each.reason).map((each) => each.reason.message);
    tell([...faults, files.length > room ? `A message has ${MOST} pictures at most.` : ""].filter(Boolean).join(" "));
  };
  return { ...draft, wrong, become, attach };
}

/** Takes files that are dropped anywhere on the conversation; whether some are held over it. */
function useDrop(form, attach) {
  const [over, hover] = useState(false);
  const ref = useRef(attach);
  ref.current = attach;
  useEffect(() => {
    const place = form.current.parentElement;
    const stop = new AbortController();
    const on = (name, act) => place.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // else the browser leaves the page for the file
      act(event);
    }, { signal: stop.signal });
    on("dragover", () => hover(true));
    on("dragleave", (event) => place.contains(event.relatedTarget) || hover(false));
    on("drop", (event) => {
      hover(false);
      ref.current([...event.dataTransfer.files]);
    });
    return () => stop.abort();
  }, []);
  return over;
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
