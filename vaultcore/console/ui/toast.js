// Short notes at the edge that go by themselves; read out, and never the only place where something is said.

import { html, useEffect, useState } from "./html.js";

const STAYS = 5_000;
let shown = [];
let last = 0;
let changed = () => {};

/** Say something in passing; kind is "good", "bad" or nothing. */
export function toast(text, kind = "") {
  const id = (last += 1);
  shown = [...shown.slice(-2), { id, text, kind }];
  changed(shown);
  setTimeout(() => {
    shown = shown.filter((each) => each.id !== id);
    changed(shown);
  }, STAYS);
}

/** The place of the notes: once in the application. */
export function Toasts() {
  const [notes, become] = useState(shown);
  useEffect(() => {
    changed = become;
  }, []);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${notes.map(({ id, text, kind }) => html`<p key=${id} class=${`toast ${kind}`}>${text}</p>`)}</div>`;
}
