// Requests to the gateway that serves this page, and their errors.

import { events } from "./events.js";
import { recordOutcome } from "./connectivity.js";

/** The gateway's address, including an API stage's path, and the base URL for SDKs. */
export const root = new URL("..", import.meta.url).href;
export const base = `${root}v1`;

/** A failed request. `code` is the gateway's, "offline" or "unreadable"; `status` is 0 without a response. */
export class ApiError extends Error {
  constructor({ status, code, message, param = null, attempts = [], id = null, retryAfter = null }) {
    super(message);
    Object.assign(this, { name: "ApiError", status, code, param, attempts, id, retryAfter });
  }
}

/** Return true if an error is an abort. */
export const isAbort = (error) => error?.name === "AbortError";

/** Send a request and return its successful Response. Raises ApiError or AbortError. */
export async function send(path, { method = "GET", key, body, query, headers = {}, signal } = {}) {
  const url = new URL(path.replace(/^\//, ""), root);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  const requestHeaders = { ...headers };
  if (key) requestHeaders.authorization = `Bearer ${key}`;
  if (body !== undefined) requestHeaders["content-type"] = "application/json";
  const options = { method, headers: requestHeaders, signal, cache: "no-store", credentials: "omit", redirect: "error" };
  if (body !== undefined) options.body = JSON.stringify(body);
  const response = await fetch(url, options).catch((error) => {
    if (isAbort(error)) throw error;
    throw recordError(new ApiError({ status: 0, code: "offline", message: "The gateway is unreachable." }));
  });
  if (!response.ok) throw recordError(await parseError(response));
  recordOutcome();
  return response;
}

function recordError(error) {
  recordOutcome(error);
  return error;
}

async function parseError(response) {
  const body = (await response.json().catch(() => null))?.error ?? {};
  return new ApiError({
    status: response.status,
    code: body.code ?? body.type ?? "unreadable",
    message: body.message ?? `The gateway returned status ${response.status}.`,
    param: body.param,
    attempts: body.attempts ?? [],
    id: response.headers.get("x-request-id"),
    retryAfter: Number(response.headers.get("retry-after")) || null,
  });
}

async function json(response) {
  if (response.status === 204) return null;
  return response.json().catch((error) => {
    if (isAbort(error)) throw error;
    throw new ApiError({ status: response.status, code: "unreadable", message: "The gateway returned invalid JSON." });
  });
}

/**
 * Return the client that views get as `api`. `keys.own()` and `keys.play()` return keys. `keys.rejected(which, key)`
 * is called when the gateway rejects a key; it returns true if another key may exist, and the request is then repeated.
 */
export function connect(keys) {
  const request = async (method, path, { as = "own", ...options } = {}) => {
    const key = await keys[as]();
    try {
      return await send(path, { ...options, method, key });
    } catch (error) {
      if (error.status !== 401 || !keys.rejected(as, key)) throw error;
      return send(path, { ...options, method, key: await keys[as]() });
    }
  };
  const read = (method) => async (path, options) => json(await request(method, path, options));
  const write = (method) => async (path, body, options) => json(await request(method, path, { ...options, body }));
  return {
    root,
    base,
    get: read("GET"),
    delete: read("DELETE"),
    post: write("POST"),
    put: write("PUT"),
    patch: write("PATCH"),
    /** The Response itself, for headers, downloads and timings: raw("POST", path, { body, as: "play" }). */
    raw: request,
    /** Yield the server-sent events of a POST. `onResponse` gets the Response first, `onComment` each comment's text. */
    async *stream(path, body, { onResponse, onComment, ...options } = {}) {
      const response = await request("POST", path, { ...options, body });
      onResponse?.(response);
      yield* events(response, { onComment });
    },
    /** A virtual key for data routes: the session's own, or for an admin a temporary key that expires today. */
    playKey: () => keys.play(),
  };
}
