// The signed-in session. The key is in this module's memory, and in sessionStorage only if the user chose to keep it.

import { ApiError, connect, send } from "./api.js";
import { readItem, writeItem } from "./storage.js";

const NAME = "vaultedge.key";
const PLAY = "vaultedge.play";
const AREA = "sessionStorage";
const MIN_LIFETIME = 15 * 60_000; // milliseconds; a play key is never created for less
// `notice`: shown on the sign-in page; `error`: why the stored key could not be verified; `restoring`: it is being verified.
const SIGNED_OUT = Object.freeze({ role: null, name: "", id: null, notice: "", error: null, restoring: false });

let key = null;
let persistent = false; // the key is in sessionStorage
let play = null; // { until, pending, text }: the virtual key with which an admin sends requests to models
let current = SIGNED_OUT;
const watchers = new Set();

export const session = () => current;
export const api = connect({ own: async () => key, play: playKey, rejected });

/** Call `changed(session)` on every change. Return a function that unsubscribes. */
export function watch(changed) {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

function update(next) {
  current = Object.freeze({ ...SIGNED_OUT, ...next });
  for (const changed of watchers) changed(current);
}

/** Sign in with a key after the gateway has verified it. Raises ApiError. */
export async function signIn(input, { keep = false } = {}) {
  const account = await identify(input.trim());
  key = input.trim();
  persistent = keep;
  writeItem(AREA, NAME, keep ? key : null);
  forgetPlay();
  update(account);
}

/** Forget the key. The sign-in page shows `notice`. */
export function signOut(notice = "") {
  key = null;
  writeItem(AREA, NAME, null);
  forgetPlay();
  update({ notice });
}

/** Sign in with the key stored in this tab, if any. If it cannot be verified it stays stored, and the session has `error`. */
export async function restore() {
  const text = readItem(AREA, NAME);
  if (!text || current.role || current.restoring) return;
  update({ restoring: true, error: current.error });
  const outcome = await identify(text).catch((error) => ({ error }));
  if (!current.restoring) return; // the user has signed in or out meanwhile
  if (outcome.error?.status === 401) return void signOut(INVALID);
  if (!outcome.error) {
    key = text;
    persistent = true;
    play = readPlay();
  }
  update(outcome);
}

const INVALID = "Your key has expired or was revoked. Sign in again.";

async function identify(text) {
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new ApiError({ status: 401, code: "invalid_api_key", message: "This is not a key." });
  }
  if (!text.startsWith("vg_")) {
    try {
      await send("admin/config", { key: text });
      return { role: "admin", name: "admin" };
    } catch (error) {
      if (![401, 403, 404].includes(error.status)) throw error;
    }
  }
  const account = await (await send("v1/key", { key: text })).json();
  return { role: "key", name: account.name, id: account.id };
}

/** Return the session's own virtual key, or for an admin one that expires at the end of the day; all pages of a tab share it. */
async function playKey() {
  if (current.role !== "admin") return key;
  if (!play || play.until <= Date.now()) createPlay();
  return play.pending;
}

function createPlay() {
  const end = new Date(Date.now() + MIN_LIFETIME);
  end.setHours(23, 59, 59, 0);
  const day = end.toLocaleDateString("sv");
  const body = { name: `Console: playground and chat, until ${day}`, metadata: { made_by: "console" }, expires_at: end.toISOString() };
  const pending = send("admin/keys", { method: "POST", key, body }).then((response) => response.json()).then((created) => created.key);
  const mine = { until: end.getTime(), pending, text: null };
  const adminKey = key;
  play = mine;
  pending.then((text) => {
    mine.text = text;
    if (play === mine && persistent) writeItem(AREA, PLAY, JSON.stringify({ until: mine.until, text }));
  }, (error) => {
    if (play === mine) play = null;
    if (error.status === 401) rejected("own", adminKey);
  });
}

function readPlay() {
  try {
    const { until, text } = JSON.parse(readItem(AREA, PLAY));
    return { until, pending: Promise.resolve(text), text };
  } catch {
    return null; // none is stored
  }
}

function forgetPlay() {
  play = null;
  writeItem(AREA, PLAY, null);
}

/** Handle a rejected key. Return true if repeating the request may help, because an admin's page can create another play key. */
function rejected(which, refused) {
  if (which === "play" && current.role === "admin") {
    if (play?.text === refused) forgetPlay(); // otherwise a newer one exists
    return true;
  }
  if (current.role && refused === key) signOut(INVALID);
  return false;
}
