// The models of the playground and the chat, in the same shape for an admin and a virtual key.

import { loadModels as loadAllModels } from "../models/rows.js";

/** Cheap default models: [provider, model]. */
const KNOWN = [
  ["openai", "gpt-4o-mini"], ["openai", "gpt-4.1-mini"], ["anthropic", "claude-haiku-4-5"], ["gemini", "gemini-2.5-flash"], ["mistral", "mistral-small-latest"],
];

/** Return [{ id, type, state, capabilities, providers, context, output, price }]: `price` is dollars per million tokens { input, output } or null. */
export async function loadModels(api, session, signal) {
  const rows = await loadAllModels(api, session.role, signal);
  return rows.filter((row) => row.type !== "embedding" && row.type !== "moderation").map(({ id, type, state, capabilities, providers, window, output, pricing }) => ({
    id, type, state, capabilities, providers: providers.map((each) => each.name), context: window, output,
    price: pricing?.input === undefined ? null : { input: Number(pricing.input), output: Number(pricing.output) },
  }));
}

/** Return the default model's id: an available chat model, well known or else the cheapest; "" if there is none. */
export function defaultModel(rows) {
  const chatModels = rows.filter((row) => row.type === "text" || row.type === "hybrid");
  const available = chatModels.filter((row) => row.state !== "down");
  const preferred = KNOWN.map(([, id]) => available.find((row) => row.id === id)).find(Boolean);
  const cost = ({ price }) => (price && price.input + price.output > 0 ? price.input + price.output : Infinity);
  const cheapest = available.filter((row) => cost(row) < Infinity).sort((a, b) => cost(a) - cost(b))[0];
  return (preferred ?? cheapest ?? available[0] ?? chatModels[0] ?? rows[0])?.id ?? "";
}

/** Return the default model's id like `defaultModel`, but load the full list only if no well-known model is available. */
export async function loadDefaultModel(api, session, signal) {
  const [preferred] = session.role === "admin" ? await modelsInVault(api, signal) : await modelsOfKey(api, signal);
  return preferred ? preferred[1] : defaultModel(await loadModels(api, session, signal));
}

/** Return the well-known models whose provider has a key in the vault. */
async function modelsInVault(api, signal) {
  const { data } = await api.get("admin/providers", { signal });
  const names = data.filter(({ keys }) => keys.length).map(({ name }) => name);
  return KNOWN.filter(([provider]) => names.includes(provider));
}

/** Return the well-known models in a virtual key's list; none if the key has no list. */
async function modelsOfKey(api, signal) {
  const { allowed_models: allowedModels } = await api.get("v1/key", { signal });
  return KNOWN.filter(([provider, id]) => [id, `${provider}/${id}`, `${provider}/*`].some((name) => allowedModels?.includes(name)));
}
