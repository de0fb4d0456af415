// Requests to the gateway that serves this page, and what they fail with.

import { events } from "./events.js";
import { heard } from "./reach.js";

/** Where the gateway is, with a stage's path if there is one, and what SDKs are told. */
export const root = new URL("..", import.meta.url).href;
export const base = `${root}v1`;

/** What a request fails with. `code` is the gateway's, or "offline" or "unreadable"; `status` 0: no answer came. */
export class ApiError extends Error {
  constructor({ status, code, message, param = null, attempts = [], id = null, retryAfter = null }) {
    super(message);
    Object.assign(this, { name: "ApiError", status, code, param, attempts, id, retryAfter });
  }
}

/** Whether an error is only that somebody stopped waiting. */
export const aborted = (error) => error?.name === "AbortError";

/** Send one request and return the Response if it is a good one. Raises ApiError, or AbortError. */
export async function send(path, { method = "GET", key, body, query, headers = {}, signal } = {}) {
  const url = new URL(path.replace(/^\//, ""), root);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  const sent = { ...headers };
  if (key) sent.authorization = `Bearer ${key}`;
  if (body !== undefined) sent["content-type"] = "application/json";
  const options = { method, headers: sent, signal, cache: "no-store", credentials: "omit", redirect: "error" };
  if (body !== undefined) options.body = JSON.stringify(body);
  const response = await fetch(url, options).catch((error) => {
    if (aborted(error)) throw error;
    throw noted(new ApiError({ status: 0, code: "offline", message: "The gateway cannot be reached." }));
  });
  if (!response.ok) throw noted(await refusal(response));
  heard();
  return response;
}

function noted(error) {
  heard(error);
  return error;
}

async function refusal(response) {
  const told = (await response.json().catch(() => null))?.error ?? {};
  return new ApiError({
    status: response.status,
    code: told.code ?? told.type ?? "unreadable",
    message: told.message ?? `The gateway answered ${response.status}.`,
    param: told.param,
    attempts: told.attempts ?? [],
    id: response.headers.get("x-request-id"),
    retryAfter: Number(response.headers.get("retry-after")) || null,
  });
}

async function json(response) {
  if (response.status === 204) return null;
  return response.json().catch((error) => {
    if (aborted(error)) throw error;
    throw new ApiError({ status: response.status, code: "unreadable", message: "The answer is no JSON." });
  });
}

/**
 * What views get as `api`, for a session that `keys` tells of: `mine()` and `play()` are keys, and `lost(which, key)` is
 * called with one that was refused: whether there may be another, so that asking once more is worth it.
 */
export function connect(keys) {
  const ask = async (method, path, { as = "mine", ...options } = {}) => {
    const key = await keys[as]();
    try {
      return await send(path, { ...options, method, key });
    } catch (error) {
      if (error.status !== 401 || !keys.lost(as, key)) throw error;
      return send(path, { ...options, method, key: await keys[as]() });
    }
  };
  const asking = (method) => async (path, options) => json(await ask(method, path, options));
  const saying = (method) => async (path, body, options) => json(await ask(method, path, { ...options, body }));
  return {
    root,
    base,
    get: asking("GET"),
    delete: asking("DELETE"),
    post: saying("POST"),
    put: saying("PUT"),
    patch: saying("PATCH"),
    /** The Response itself, for headers, downloads and timings: raw("POST", path, { body, as: "play" }). */
    raw: ask,
    /** Server-sent events of a POST, one by one; `opened` gets the Response first, `comment` each comment's text. */
    async *stream(path, body, { opened, comment, ...options } = {}) {
      const response = await ask("POST", path, { ...options, body });
      opened?.(response);
      yield* events(response, { comment });
    },
    /** A virtual key for data routes: the session's own, or for an admin one that ends with the day. */
    playKey: () => keys.play(),
  };
}
