// Asking once: what has been answered so far, how long it took, who answered and what it cost.

import { aborted, ApiError } from "../../api.js";
import { epilogue } from "../../events.js";
import { useEffect, useRef, useState } from "../../ui/index.js";

const DAY = 86_400_000; // milliseconds
const EXPLAIN = { "x-vaultedge-explain": "true" };
const fresh = () => ({
  state: "new", text: "", thought: "", refusal: "", calls: [], pictures: [], finish: null, usage: null, error: null,
  ms: null, first: null, last: null, pieces: 0, headers: {}, changes: null, entry: null, raw: null, sent: null,
});

/** { run, start({ path, body, api, admin }), stop() }. `run.state`: new, waiting, streaming, done, stopped or failed. */
export function useRun() {
  const [run, show] = useState(fresh);
  const held = useRef(null);
  useEffect(() => () => held.current?.abort(), []);
  const start = async (asked) => {
    held.current?.abort();
    const stop = new AbortController();
    held.current = stop;
    const paint = painter((told) => held.current === stop && show(told));
    const told = { ...fresh(), state: "waiting", sent: { path: asked.path, body: asked.body } };
    paint.now(told);
    const began = performance.now();
    try {
      await (asked.body.stream ? streamed : whole)(asked, told, stop.signal, began, paint);
      told.state = "done";
    } catch (error) {
      told.state = aborted(error) ? "stopped" : "failed";
      told.error = aborted(error) ? null : error;
      told.headers.id ??= error.id;
    }
    told.ms = performance.now() - began;
    paint.now(told);
    told.entry = asked.admin && told.headers.id ? await entry(asked.admin, told.headers.id) : null;
    paint.now(told);
  };
  return { run, start, stop: () => held.current?.abort() };
}

/** Draws at most once a frame, and at once where it must. */
function painter(show) {
  let waiting = 0;
  const now = (told) => {
    cancelAnimationFrame(waiting);
    waiting = 0;
    show({ ...told, calls: [...told.calls] });
  };
  return { now, soon: (told) => (waiting ||= requestAnimationFrame(() => now(told))) };
}

function headed(response) {
  const read = (name) => response.headers.get(name);
  return {
    id: read("x-request-id"), provider: read("x-vaultedge-provider"), model: read("x-vaultedge-model"),
    attempts: read("x-vaultedge-attempts"), cost: read("x-vaultedge-cost-usd"),
  };
}

async function whole({ path, body, api }, told, signal, began) {
  const response = await api.raw("POST", path, { body, as: "play", signal, headers: EXPLAIN });
  told.headers = headed(response);
  const { vaultedge, ...answer } = await response.json();
  Object.assign(told, { raw: answer, usage: answer.usage ?? null, changes: vaultedge?.translation ?? null });
  told.pictures = path.endsWith("generations") ? answer.data ?? [] : [];
  const choice = answer.choices?.[0];
  if (choice) said(told, choice.message, choice.finish_reason);
  told.first = performance.now() - began;
}

async function streamed({ path, body, api }, told, signal, began, paint) {
  const chunks = [];
  const options = {
    as: "play", signal, headers: EXPLAIN,
    opened: (response) => (told.headers = headed(response)),
    comment: (text) => ended(told, epilogue(text)),
  };
  let error = null; // what it cost until then comes behind it
  for await (const { data } of api.stream(path, body, options)) {
    error ??= data.error ?? null;
    chunks.push(data);
    told.raw = chunks;
    told.usage = data.usage ?? told.usage;
    const choice = data.choices?.[0];
    if (!choice) continue;
    told.last = performance.now() - began;
    told.first ??= told.last;
    told.pieces += 1;
    told.state = "streaming";
    said(told, choice.delta, choice.finish_reason);
    paint.soon(told);
  }
  if (error) throw broken(error, told.headers.id);
}

/** What is known at a stream's end only: the cost, and who answered where the headers came too early to tell. */
function ended(told, end) {
  if (!end) return;
  const { translation, cost_usd: cost, provider, model, attempts } = end;
  told.changes = translation;
  told.headers = { ...told.headers, provider, model, attempts: String(attempts), cost };
}

const broken = (error, id) => new ApiError({
  status: 200, code: error.code ?? error.type ?? "broken", message: error.message ?? "The answer broke off.",
  attempts: error.attempts ?? [], id,
});

/** A message, or a piece of one, put behind what is there. */
function said(told, piece, finish) {
  told.text += piece?.content ?? "";
  told.thought += piece?.reasoning_content ?? piece?.reasoning ?? "";
  told.refusal += piece?.refusal ?? "";
  told.finish = finish ?? told.finish;
  for (const [at, call] of (piece?.tool_calls ?? []).entries()) {
    const place = call.index ?? at;
    const before = told.calls[place] ?? { id: "", name: "", arguments: "" };
    told.calls[place] = {
      id: call.id ?? before.id,
      name: before.name + (call.function?.name ?? ""),
      arguments: before.arguments + (call.function?.arguments ?? ""),
    };
  }
}

/** The gateway's own record, which only an admin may read; that of an answer that was left may be on its way still. */
async function entry(api, id, again = true) {
  const from = new Date(Date.now() - DAY).toISOString().slice(0, 10);
  const found = await api.get("admin/logs", { query: { id, from, limit: 1 } }).then((page) => page.data[0] ?? null, () => null);
  if (found || !again) return found;
  await new Promise((resolve) => setTimeout(resolve, 800));
  return entry(api, id, false);
}
