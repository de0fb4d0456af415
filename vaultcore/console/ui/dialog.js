// Dialogs over the page: the browser's own, so that the focus stays inside and Escape closes.

import { html, useEffect, useRef, useState } from "./html.js";
import { Button, Field, IconButton } from "./controls.js";
import { useUid } from "./uid.js";

/**
 * Dialog: open, title, onClose, actions (nodes at its foot), wide, locked (Escape does nothing), dirty (ask before it
 * is closed by Escape or its cross, as something was typed), children.
 */
export function Dialog({ open, ...more }) {
  return open ? html`<${Opened} ...${more} />` : null;
}

function Opened({ title, onClose, actions, wide = false, locked = false, dirty = false, children }) {
  const ref = useRef(null);
  const id = useUid();
  useEffect(() => {
    const before = document.activeElement;
    const dialog = ref.current;
    dialog.showModal();
    return () => {
      dialog.close(); // while it is open, nothing outside can have the focus
      if (before?.isConnected) before.focus();
    };
  }, []);
  const asking = useRef(false);
  const leave = async () => {
    if (locked || asking.current) return;
    asking.current = dirty;
    const sure = !dirty || (await confirm(DISCARD));
    asking.current = false;
    if (sure) onClose();
  };
  const cancel = (event) => {
    event.preventDefault();
    leave();
  };
  // A browser's own Escape may close this dialog and the question over it at once.
  const escape = (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) cancel(event);
  };
  const closed = () => {
    if (!ref.current?.isConnected || ref.current.open) return;
    ref.current.showModal(); // a browser closes it unasked at a second Escape
    leave();
  };
  return html`
    <dialog ref=${ref} class=${wide ? "wide" : ""} aria-labelledby=${id} onKeyDown=${escape} onCancel=${cancel} onClose=${closed}>
      <header><h2 id=${id}>${title}</h2>${!locked && html`<${IconButton} label="Close" icon="close" onClick=${leave} />`}</header>
      <div class="dialog-body">${children}</div>
      ${actions && html`<footer class="actions">${actions}</footer>`}
    </dialog>`;
}

const DISCARD = { title: "Discard what you changed?", text: "It is not saved yet.", action: "Discard", danger: true };

let show = () => {};

/** Ask before something is done: { title, text, action, danger, typed (a word to type first) }. Resolves to a bool. */
export const confirm = (question) => new Promise((answer) => show({ ...question, answer }));

/** The place of questions: once in the application. */
export function Confirmation() {
  const [asked, become] = useState(null);
  const [typed, type] = useState("");
  useEffect(() => {
    show = (question) => {
      type("");
      become(question);
    };
  }, []);
  if (!asked) return null;
  const end = (value) => () => {
    become(null);
    asked.answer(value);
  };
  const actions = html`
    <${Button} onClick=${end(false)}>Cancel<//>
    <${Button} kind=${asked.danger ? "danger" : "main"} disabled=${Boolean(asked.typed) && typed !== asked.typed} onClick=${end(true)}>
      ${asked.action ?? "Yes"}<//>`;
  return html`
    <${Dialog} open title=${asked.title} onClose=${end(false)} actions=${actions}>
      <p>${asked.text}</p>
      ${asked.typed && html`<${Field} label=${`Type ${asked.typed} to go on`} value=${typed} onInput=${type} autocomplete="off" />`}
    <//>`;
}
