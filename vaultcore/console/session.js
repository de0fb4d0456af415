// Who is signed in. The key is in this module's memory, and in sessionStorage only if that was ticked.

import { ApiError, connect, send } from "./api.js";

const NAME = "vaultedge.key";
const SOON = 15 * 60_000; // a day that ends sooner than that is not worth a key
const OUT = Object.freeze({ role: null, name: "", id: null, said: "" });

let key = null;
let play = null; // { key, until }: what an admin asks models with
let told = OUT;
const watchers = new Set();

export const session = () => told;
export const api = connect({ mine: async () => key, play: playKey, lost });

/** Call back at every change; returns what ends that. */
export function watch(changed) {
  watchers.add(changed);
  return () => watchers.delete(changed);
}

function become(next) {
  told = Object.freeze({ ...OUT, ...next });
  for (const changed of watchers) changed(told);
}

/** Take a key, after asking the gateway what it opens. Raises ApiError. */
export async function signIn(typed, { keep = false } = {}) {
  const found = await recognise(typed.trim());
  key = typed.trim();
  play = null;
  if (keep) sessionStorage.setItem(NAME, key);
  else sessionStorage.removeItem(NAME);
  become(found);
}

/** Forget the key. `said` is shown where one signs in again. */
export function signOut(said = "") {
  key = play = null;
  sessionStorage.removeItem(NAME);
  become({ said });
}

/** Sign in with what this tab has kept, if it has kept anything. */
export async function restore() {
  const kept = sessionStorage.getItem(NAME);
  if (kept) await signIn(kept, { keep: true }).catch((error) => error.status === 401 && signOut());
}

async function recognise(typed) {
  if (!/^[\x21-\x7e]+$/.test(typed)) {
    throw new ApiError({ status: 401, code: "invalid_api_key", message: "That is no key." });
  }
  if (!typed.startsWith("vg_")) {
    try {
      await send("admin/config", { key: typed });
      return { role: "admin", name: "admin" };
    } catch (error) {
      if (![401, 403, 404].includes(error.status)) throw error;
    }
  }
  const found = await (await send("v1/key", { key: typed })).json();
  return { role: "key", name: found.name, id: found.id };
}

/** A key's own text, or for an admin a virtual key that expires with the viewer's day. */
async function playKey() {
  if (told.role !== "admin") return key;
  if (play && play.until > Date.now()) return (await play.making).key;
  const end = new Date(Date.now() + SOON);
  end.setHours(23, 59, 59, 0);
  const day = end.toLocaleDateString("sv");
  const body = { name: `console ${day}`, metadata: { made_by: "console" }, expires_at: end.toISOString() };
  const making = send("admin/keys", { method: "POST", key, body }).then((response) => response.json());
  const mine = { until: end.getTime(), making };
  play = mine;
  making.catch(() => play === mine && (play = null));
  return (await making).key;
}

function lost(which) {
  if (which === "play" && told.role === "admin") play = null;
  else if (told.role) signOut("This key is no longer good here. Sign in again.");
}
