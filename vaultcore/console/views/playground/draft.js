// Keeps the playground's form while the page is open, so that it survives a visit to another view.

import { watch } from "../../session.js";
import { INITIAL } from "./request.js";

let current = INITIAL;
watch((session) => {
  if (!session.role && !session.notice) current = INITIAL; // the user signed out; an expired key keeps the form
});

/** Return the last form, or the initial one. It never contains a key. */
export const savedForm = () => current;

export function saveForm(form) {
  current = form;
}
