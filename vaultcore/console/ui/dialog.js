// Modal dialogs, based on the <dialog> element: it traps the focus and closes on Escape.

import { html, useEffect, useRef, useState } from "./html.js";
import { Button, Field, IconButton } from "./controls.js";
import { useUid } from "./uid.js";

/**
 * Dialog: open, title, onClose, actions (nodes in the footer), wide, locked (Escape does nothing), dirty (Escape and
 * the close button ask for confirmation first), children.
 */
export function Dialog({ open, ...more }) {
  return open ? html`<${OpenDialog} ...${more} />` : null;
}

function OpenDialog({ title, onClose, actions, wide = false, locked = false, dirty = false, children }) {
  const ref = useRef(null);
  const id = useUid();
  useEffect(() => {
    const previous = document.activeElement;
    const dialog = ref.current;
    dialog.showModal();
    return () => {
      dialog.close(); // while it is open, no outside element can take the focus
      if (previous?.isConnected) previous.focus();
    };
  }, []);
  const isAsking = useRef(false);
  const requestClose = async () => {
    if (locked || isAsking.current) return;
    isAsking.current = dirty;
    const confirmed = !dirty || (await confirm(DISCARD));
    isAsking.current = false;
    if (confirmed) onClose();
  };
  const cancel = (event) => {
    event.preventDefault();
    requestClose();
  };
  // The browser's own Escape handling may close this dialog and the confirmation on top of it at once.
  const escape = (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) cancel(event);
  };
  const handleClose = () => {
    if (!ref.current?.isConnected || ref.current.open) return;
    ref.current.showModal(); // browsers close it without a cancel event at a second Escape
    requestClose();
  };
  return html`
    <dialog ref=${ref} class=${wide ? "wide" : ""} aria-labelledby=${id} onKeyDown=${escape} onCancel=${cancel} onClose=${handleClose}>
      <header><h2 id=${id}>${title}</h2>${!locked && html`<${IconButton} label="Close" icon="close" onClick=${requestClose} />`}</header>
      <div class="dialog-body">${children}</div>
      ${actions && html`<footer class="actions">${actions}</footer>`}
    </dialog>`;
}

const DISCARD = { title: "Discard unsaved changes?", text: "Your changes have not been saved.", action: "Discard", danger: true };

let show = () => {};

/** Ask for confirmation: { title, text, action, danger, phrase (a text to type first) }. Resolves to a bool. */
export const confirm = (question) => new Promise((answer) => show({ ...question, answer }));

/** Renders confirmations; mounted once in the application. */
export function Confirmation() {
  const [question, setQuestion] = useState(null);
  const [input, setInput] = useState("");
  useEffect(() => {
    show = (question) => {
      setInput("");
      setQuestion(question);
    };
  }, []);
  if (!question) return null;
  const respond = (value) => () => {
    setQuestion(null);
    question.answer(value);
  };
  const actions = html`
    <${Button} onClick=${respond(false)}>Cancel<//>
    <${Button} kind=${question.danger ? "danger" : "main"} disabled=${Boolean(question.phrase) && input !== question.phrase} onClick=${respond(true)}>
      ${question.action ?? "Confirm"}<//>`;
  return html`
    <${Dialog} open title=${question.title} onClose=${respond(false)} actions=${actions}>
      <p>${question.text}</p>
      ${question.phrase && html`<${Field} label=${`Type “${question.phrase}” to confirm`} value=${input} onInput=${setInput} autocomplete="off" />`}
    <//>`;
}
