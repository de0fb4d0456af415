// Short notifications that disappear after five seconds. Screen readers announce them.

import { html, useEffect, useState } from "./html.js";

const DURATION = 5_000; // milliseconds
let active = [];
let last = 0;
let notify = () => {};

/** Show a notification; kind is "good", "bad" or empty. */
export function toast(text, kind = "") {
  const id = (last += 1);
  active = [...active.slice(-2), { id, text, kind }];
  notify(active);
  setTimeout(() => {
    active = active.filter((each) => each.id !== id);
    notify(active);
  }, DURATION);
}

/** Renders the notifications; mounted once in the application. */
export function Toasts() {
  const [notes, setNotes] = useState(active);
  useEffect(() => {
    notify = setNotes;
  }, []);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${notes.map(({ id, text, kind }) => html`<p key=${id} class=${`toast ${kind}`}>${text}</p>`)}</div>`;
}
