// What was written and not sent yet, in the page's memory: it stays while one looks at other conversations and pages.

const held = new Map();
const NONE = Object.freeze({ text: "", pictures: [] });
const name = (shelf, id) => `${shelf} ${id ?? ""}`;

/** The draft of a conversation, or of the new one where there is no id. */
export const draft = (shelf, id) => held.get(name(shelf, id)) ?? NONE;

/** Keep a draft; an empty one is forgotten. */
export function write(shelf, id, { text, pictures }) {
  if (text || pictures.length) held.set(name(shelf, id), { text, pictures });
  else held.delete(name(shelf, id));
}

/** Forget every draft of one who signed in. */
export function forget(shelf) {
  for (const each of held.keys()) if (each.startsWith(`${shelf} `)) held.delete(each);
}
