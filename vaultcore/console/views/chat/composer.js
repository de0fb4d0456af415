// The message composer: text, images, sending and stopping.

import { html, Button, Field, Icon, IconButton, useEffect, useRef, useState } from "../../ui/index.js";
import { ACCEPTED, filesOf, readPicture } from "./pictures.js";

const MAX_PICTURES = 8;
/** Return true if the device has a physical keyboard. */
const hasKeyboard = () => matchMedia("(pointer: fine)").matches;

/**
 * Composer: busy (an answer is pending), ready, isImageModel, blindModel (the name of a model without vision), initialDraft,
 * onDraft({ text, pictures }), autoFocus, onSend(text, pictures), onStop.
 */
export function Composer({ busy, ready, isImageModel, blindModel, initialDraft, onDraft, autoFocus, onSend, onStop }) {
  const form = useRef(null);
  const { text, pictures, problem, updateDraft, attach } = useDraft(initialDraft, onDraft, isImageModel);
  const focus = () => hasKeyboard() && form.current.querySelector("textarea").focus({ preventScroll: true });
  const isDragging = useDrop(form, attach);
  useEffect(() => {
    if (autoFocus) focus();
  }, [ready]);
  const hasUnsupportedImages = Boolean(blindModel && pictures.length);
  const canSend = ready && !busy && !hasUnsupportedImages && (text.trim() || (pictures.length && !isImageModel));
  const send = (event) => {
    event?.preventDefault();
    if (!canSend) return;
    onSend(text.trim(), isImageModel ? [] : pictures);
    updateDraft({ text: "", pictures: [] });
    focus();
  };
  const handleKey = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !hasKeyboard()) return;
    event.preventDefault();
    send();
  };
  const stop = () => {
    onStop();
    focus(); // the pressed button is removed
  };
  const handlePaste = (event) => {
    const files = filesOf(event.clipboardData);
    if (!files.length) return;
    event.preventDefault();
    attach(files);
  };
  const warning = hasUnsupportedImages ? `${blindModel} does not accept images. Choose another model or remove them.` : problem;
  return html`
    <form class=${isDragging ? "composer drop-target" : "composer"} ref=${form} onSubmit=${send} onPaste=${handlePaste}>
      <${Attachments} pictures=${isImageModel ? [] : pictures} onRemove=${(at) => updateDraft({ text, pictures: pictures.filter((_, index) => index !== at) })} />
      ${warning && html`<p class="hint bad" role="alert">${warning}</p>`}
      <${Field} label="Message" hideLabel area=${2} value=${text} onInput=${(more) => updateDraft({ text: more, pictures })} onKeyDown=${handleKey} disabled=${!ready}
        placeholder=${isImageModel ? "Describe an image …" : "Write a message …"} enterkeyhint="send" />
      <div class="composer-foot">
        ${isImageModel ? html`<span class="dim small">This model generates images.</span>` : html`<${Attach} onFiles=${attach} disabled=${!ready} />`}
        <span class="dim small keys">${busy ? "Escape to stop" : "Enter to send, Shift+Enter for a new line"}</span>
        ${busy ? html`<${Button} key="stop" icon="stop" onClick=${stop}>Stop<//>`
          : html`<${Button} key="send" kind="main" icon="send" type="submit" disabled=${!canSend}>Send<//>`}
      </div>
      ${isDragging && html`<p class="composer-drop"><${Icon} name="image" /> Drop images to attach them</p>`}
    </form>`;
}

/** The state of the draft. Attached images are read at once; errors are shown. */
function useDraft(initialDraft, onDraft, isImageModel) {
  const [draft, setDraft] = useState(initialDraft);
  const [problem, setProblem] = useState("");
  const now = useRef(draft);
  const updateDraft = (next) => {
    now.current = next;
    setDraft(next);
    setProblem("");
    onDraft(next);
  };
  const attach = async (files) => {
    if (isImageModel) return void setProblem("This model accepts only text.");
    const space = MAX_PICTURES - now.current.pictures.length;
    const results = await Promise.allSettled(files.slice(0, space).map(readPicture));
    const { text, pictures } = now.current;
    updateDraft({ text, pictures: [...pictures, ...results.filter((each) => each.value).map((each) => each.value)].slice(0, MAX_PICTURES) });
    const errors = results.filter((each) => each.reason).map((each) => each.reason.message);
    setProblem([...errors, files.length > space ? `A message can have at most ${MAX_PICTURES} images.` : ""].filter(Boolean).join(" "));
  };
  return { ...draft, problem, updateDraft, attach };
}

/** Accept files dropped anywhere on the conversation. Return true while files are dragged over it. */
function useDrop(form, attach) {
  const [isOver, setIsOver] = useState(false);
  const ref = useRef(attach);
  ref.current = attach;
  useEffect(() => {
    const place = form.current.parentElement;
    const stop = new AbortController();
    const on = (name, act) => place.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault(); // otherwise the browser opens the file
      act(event);
    }, { signal: stop.signal });
    on("dragover", () => setIsOver(true));
    on("dragleave", (event) => place.contains(event.relatedTarget) || setIsOver(false));
    on("drop", (event) => {
      setIsOver(false);
      ref.current([...event.dataTransfer.files]);
    });
    return () => stop.abort();
  }, []);
  return isOver;
}

function Attach({ onFiles, disabled }) {
  const input = useRef(null);
  const handleChange = (event) => {
    onFiles([...event.currentTarget.files]);
    event.currentTarget.value = "";
  };
  return html`
    <input ref=${input} class="visually-hidden" type="file" accept=${ACCEPTED} multiple tabindex="-1" aria-label="Images" onChange=${handleChange} />
    <${IconButton} label="Attach images" icon="image" disabled=${disabled} onClick=${() => input.current.click()} />`;
}

function Attachments({ pictures, onRemove }) {
  if (!pictures.length) return null;
  return html`
    <ul class="pictures attached">
      ${pictures.map((url, index) => html`
        <li key=${url.slice(-64)}><img src=${url} alt=${`Attached image ${index + 1}`} />
          <${IconButton} label=${`Remove image ${index + 1}`} icon="close" onClick=${() => onRemove(index)} /></li>`)}
    </ul>`;
}
