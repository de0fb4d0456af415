// The names of virtual keys, for pages whose data contains key ids.

import { useFetch } from "../../ui/index.js";

const MAX_PAGES = 10; // of 100 keys; further keys are shown by id

async function loadNames(api, signal) {
  const names = { system: "system key" };
  let cursor;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const response = await api.get("admin/keys", { signal, query: { limit: 100, cursor } });
    for (const key of response.data) names[key.id] = key.name || key.masked;
    cursor = response.next_cursor;
    if (!cursor) break;
  }
  return names;
}

/** Return { id: name } of the gateway's keys; empty until loaded. */
export function useKeyNames(api) {
  return useFetch((signal) => loadNames(api, signal)).data ?? {};
}

/** Return the keys as options of a Select, sorted by name. */
export const keyOptions = (named) =>
  Object.entries(named).sort(([, a], [, b]) => a.localeCompare(b)).map(([id, name]) => [id, name]);
