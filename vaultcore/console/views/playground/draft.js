// What has been typed into the playground, for as long as the page is there: who looks at another view finds it again.

import { watch } from "../../session.js";
import { FIRST } from "./request.js";

let held = FIRST;
watch((session) => {
  if (!session.role && !session.said) held = FIRST; // signed out, and not only because a key ended
});

/** The form as it was left, or as it is at first. It never has a key in it. */
export const begun = () => held;

export function write(form) {
  held = form;
}
