// Labels of provider keys: the log contains only their ids.

import { useFetch } from "../../ui/index.js";

/** Return a function (provider, id) → label, like "key 2 (sk-s…c712)" or "key sk-s…c712". */
export function useProviderKeys(api) {
  const { data } = useFetch((signal) => api.get("admin/providers", { signal }));
  return (provider, id) => keyLabel(data?.data, provider, id);
}

const shorten = (masked) => masked.replace("...", "…");

function keyLabel(providers, provider, id) {
  if (!providers) return `key ${id}`;
  const keys = providers.find(({ name }) => name === provider)?.keys ?? [];
  const at = keys.findIndex((key) => key.id === id);
  if (at < 0) return `key ${id} (no longer in the vault)`;
  return (keys.length > 1 ? `key ${at + 1} (${shorten(keys[at].masked)})` : `key ${shorten(keys[at].masked)}`);
}
