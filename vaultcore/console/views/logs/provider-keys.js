// What the keys of providers are called: the log has ids of them, which nobody recognises.

import { useAsked } from "../../ui/index.js";

/** A function (provider, id) → how that key is called, as "key 2 of openai, sk-s...c712". */
export function useProviderKeys(api) {
  const { data } = useAsked((signal) => api.get("admin/providers", { signal }));
  return (provider, id) => called(data?.data, provider, id);
}

function called(providers, provider, id) {
  if (!providers) return `key ${id}`;
  const keys = providers.find(({ name }) => name === provider)?.keys ?? [];
  const at = keys.findIndex((key) => key.id === id);
  if (at < 0) return `key ${id}, which the vault no longer has`;
  return `${keys.length > 1 ? `key ${at + 1}` : "the key"} of ${provider}, ${keys[at].masked}`;
}
