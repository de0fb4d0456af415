// Who is signed in. The key is in this module's memory, and in sessionStorage only if that was ticked.

import { ApiError, connect, send } from "./api.js";
import { keep, kept } from "./kept.js";

const NAME = "vaultedge.key";
const PLAY = "vaultedge.play";
const AREA = "sessionStorage";
const SOON = 15 * 60_000; // a day that ends sooner than that is not worth a key
// `failed`: why a key that this tab keeps could not be tried; `waiting`: it is being tried.
const OUT = Object.freeze({ role: null, name: "", id: null, said: "", failed: null, waiting: false });

let key = null;
let keeping = false;
let play = null; // { until, making, text }: what an admin asks models with
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
export async function signIn(typed, { keep: ticked = false } = {}) {
  const found = await recognise(typed.trim());
  key = typed.trim();
  keeping = ticked;
  keep(AREA, NAME, ticked ? key : null);
  forgetPlay();
  become(found);
}

/** Forget the key. `said` is shown where one signs in again. */
export function signOut(said = "") {
  key = null;
  keep(AREA, NAME, null);
  forgetPlay();
  become({ said });
}

/** Sign in with what this tab has kept, if anything. Where that cannot be tried it stays kept, and the session has `failed`. */
export async function restore() {
  const text = kept(AREA, NAME);
  if (!text || told.role || told.waiting) return;
  become({ waiting: true, failed: told.failed });
  const outcome = await recognise(text).catch((error) => ({ failed: error }));
  if (!told.waiting) return; // somebody has signed in or out meanwhile
  if (outcome.failed?.status === 401) return void signOut(GONE);
  if (!outcome.failed) {
    key = text;
    keeping = true;
    play = restored();
  }
  become(outcome);
}

const GONE = "This key is no longer good here. Sign in again.";

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

/** A key's own text, or for an admin a virtual key that expires with the viewer's day: one for all pages of this tab. */
async function playKey() {
  if (told.role !== "admin") return key;
  if (!play || play.until <= Date.now()) make();
  return play.making;
}

function make() {
  const end = new Date(Date.now() + SOON);
  end.setHours(23, 59, 59, 0);
  const day = end.toLocaleDateString("sv");
  const body = { name: `Console: playground and chat, until ${day}`, metadata: { made_by: "console" }, expires_at: end.toISOString() };
  const making = send("admin/keys", { method: "POST", key, body }).then((response) => response.json()).then((made) => made.key);
  const mine = { until: end.getTime(), making, text: null };
  const asker = key;
  play = mine;
  making.then((text) => {
    mine.text = text;
    if (play === mine && keeping) keep(AREA, PLAY, JSON.stringify({ until: mine.until, text }));
  }, (error) => {
    if (play === mine) play = null;
    if (error.status === 401) lost("mine", asker);
  });
}

function restored() {
  try {
    const { until, text } = JSON.parse(kept(AREA, PLAY));
    return { until, making: Promise.resolve(text), text };
  } catch {
    return null; // there is none
  }
}

function forgetPlay() {
  play = null;
  keep(AREA, PLAY, null);
}

/** A key was refused; whether asking again may be worth it, as an admin's page can make another. */
function lost(which, refused) {
  if (which === "play" && told.role === "admin") {
    if (play?.text === refused) forgetPlay(); // else there is a newer one
    return true;
  }
  if (told.role && refused === key) signOut(GONE);
  return false;
}
