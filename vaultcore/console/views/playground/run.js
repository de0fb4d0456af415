// Runs one playground request and tracks its response, timing, provider and cost.

import { isAbort, ApiError } from "../../api.js";
import { parseEpilogue } from "../../events.js";
import { useEffect, useRef, useState } from "../../ui/index.js";

const DAY = 86_400_000; // milliseconds
const EXPLAIN = { "x-vaultedge-explain": "true" };
const initialRun = () => ({
  state: "new", text: "", thought: "", refusal: "", calls: [], pictures: [], finish: null, usage: null, error: null,
  ms: null, first: null, last: null, chunks: 0, headers: {}, changes: null, entry: null, raw: null, sent: null,
});

/** Return { run, start({ path, body, api, admin }), stop() }. `run.state`: new, waiting, streaming, done, stopped or failed. */
export function useRun() {
  const [run, setRun] = useState(initialRun);
  const controller = useRef(null);
  useEffect(() => () => controller.current?.abort(), []);
  const start = async (request) => {
    controller.current?.abort();
    const stop = new AbortController();
    controller.current = stop;
    const display = throttled((current) => controller.current === stop && setRun(current));
    const current = { ...initialRun(), state: "waiting", sent: { path: request.path, body: request.body } };
    display.now(current);
    const startedAt = performance.now();
    try {
      await (request.body.stream ? runStream : runOnce)(request, current, stop.signal, startedAt, display);
      current.state = "done";
    } catch (error) {
      current.state = isAbort(error) ? "stopped" : "failed";
      current.error = isAbort(error) ? null : error;
      current.headers.id ??= error.id;
    }
    current.ms = performance.now() - startedAt;
    display.now(current);
    current.entry = request.admin && current.headers.id ? await loadLogEntry(request.admin, current.headers.id) : null;
    display.now(current);
  };
  return { run, start, stop: () => controller.current?.abort() };
}

/** Return { now, soon }: `soon` renders at most once per frame, `now` immediately. */
function throttled(show) {
  let waiting = 0;
  const now = (current) => {
    cancelAnimationFrame(waiting);
    waiting = 0;
    show({ ...current, calls: [...current.calls] });
  };
  return { now, soon: (current) => (waiting ||= requestAnimationFrame(() => now(current))) };
}

function responseInfo(response) {
  const read = (name) => response.headers.get(name);
  return {
    id: read("x-request-id"), provider: read("x-vaultedge-provider"), model: read("x-vaultedge-model"),
    attempts: read("x-vaultedge-attempts"), cost: read("x-vaultedge-cost-usd"),
  };
}

async function runOnce({ path, body, api }, current, signal, startedAt) {
  const response = await api.raw("POST", path, { body, as: "play", signal, headers: EXPLAIN });
  current.headers = responseInfo(response);
  const { vaultedge, ...answer } = await response.json();
  Object.assign(current, { raw: answer, usage: answer.usage ?? null, changes: vaultedge?.translation ?? null });
  current.pictures = path.endsWith("generations") ? answer.data ?? [] : [];
  const choice = answer.choices?.[0];
  if (choice) addDelta(current, choice.message, choice.finish_reason);
  current.first = performance.now() - startedAt;
}

async function runStream({ path, body, api }, current, signal, startedAt, display) {
  const chunks = [];
  const options = {
    as: "play", signal, headers: EXPLAIN,
    onResponse: (response) => (current.headers = responseInfo(response)),
    onComment: (text) => applyEpilogue(current, parseEpilogue(text)),
  };
  let error = null; // the cost so far follows after it
  for await (const { data } of api.stream(path, body, options)) {
    error ??= data.error ?? null;
    chunks.push(data);
    current.raw = chunks;
    current.usage = data.usage ?? current.usage;
    const choice = data.choices?.[0];
    if (!choice) continue;
    current.last = performance.now() - startedAt;
    current.first ??= current.last;
    current.chunks += 1;
    current.state = "streaming";
    addDelta(current, choice.delta, choice.finish_reason);
    display.soon(current);
  }
  if (error) throw toError(error, current.headers.id);
}

/** Apply the data known only after a stream: the cost, and the provider if the headers were sent before it was known. */
function applyEpilogue(current, end) {
  if (!end) return;
  const { translation, cost_usd: cost, provider, model, attempts } = end;
  current.changes = translation;
  current.headers = { ...current.headers, provider, model, attempts: String(attempts), cost };
}

const toError = (error, id) => new ApiError({
  status: 200, code: error.code ?? error.type ?? "broken", message: error.message ?? "The response was interrupted.",
  attempts: error.attempts ?? [], id,
});

/** Append a message or a delta to the run. */
function addDelta(current, delta, finish) {
  current.text += delta?.content ?? "";
  current.thought += delta?.reasoning_content ?? delta?.reasoning ?? "";
  current.refusal += delta?.refusal ?? "";
  current.finish = finish ?? current.finish;
  for (const [at, call] of (delta?.tool_calls ?? []).entries()) {
    const place = call.index ?? at;
    const before = current.calls[place] ?? { id: "", name: "", arguments: "" };
    current.calls[place] = {
      id: call.id ?? before.id,
      name: before.name + (call.function?.name ?? ""),
      arguments: before.arguments + (call.function?.arguments ?? ""),
    };
  }
}

/** Load the request's log entry, for admins only. The entry of a stopped request may arrive late, so retry once. */
async function loadLogEntry(api, id, retry = true) {
  const from = new Date(Date.now() - DAY).toISOString().slice(0, 10);
  const entry = await api.get("admin/logs", { query: { id, from, limit: 1 } }).then((page) => page.data[0] ?? null, () => null);
  if (entry || !retry) return entry;
  await new Promise((resolve) => setTimeout(resolve, 800));
  return loadLogEntry(api, id, false);
}
