// The names of virtual keys, for pages whose data has their ids.

import { useAsked } from "../../ui/index.js";

const PAGES = 10; // of 100 keys; those beyond are shown by their ids

async function names(api, signal) {
  const found = { system: "system key" };
  let cursor;
  for (let page = 0; page < PAGES; page += 1) {
    const told = await api.get("admin/keys", { signal, query: { limit: 100, cursor } });
    for (const key of told.data) found[key.id] = key.name || key.masked;
    cursor = told.next_cursor;
    if (!cursor) break;
  }
  return found;
}

/** { id: name } of the gateway's keys; empty until they are there. */
export function useKeyNames(api) {
  return useAsked((signal) => names(api, signal)).data ?? {};
}

/** The keys as options of a Select, by name. */
export const keyOptions = (named) =>
  Object.entries(named).sort(([, a], [, b]) => a.localeCompare(b)).map(([id, name]) => [id, name]);
