// The models that can be asked here, the same rows for an admin and for a virtual key.

import { models as every } from "../models/rows.js";

/** Cheap, and good enough to try: [provider, model]. */
const KNOWN = [
  ["openai", "gpt-4o-mini"], ["openai", "gpt-4.1-mini"], ["anthropic", "claude-haiku-4-5"], ["gemini", "gemini-2.5-flash"], ["mistral", "mistral-small-latest"],
];

/** [{ id, type, state, capabilities, providers, context, output, price }]: `price` is dollars per million tokens { input, output } or null. */
export async function models(api, session, signal) {
  const rows = await every(api, session.role, signal);
  return rows.filter((row) => row.type !== "embedding").map(({ id, type, state, capabilities, providers, window, output, pricing }) => ({
    id, type, state, capabilities, providers: providers.map((each) => each.name), context: window, output,
    price: pricing?.input === undefined ? null : { input: Number(pricing.input), output: Number(pricing.output) },
  }));
}

/** The id of the model to begin with: one that chats and is not resting, well known or else the cheapest; "" of none. */
export function usual(rows) {
  const chats = rows.filter((row) => row.type === "text" || row.type === "hybrid");
  const up = chats.filter((row) => row.state !== "resting");
  const known = KNOWN.map(([, id]) => up.find((row) => row.id === id)).find(Boolean);
  const cost = ({ price }) => (price && price.input + price.output > 0 ? price.input + price.output : Infinity);
  const cheapest = up.filter((row) => cost(row) < Infinity).sort((a, b) => cost(a) - cost(b))[0];
  return (known ?? cheapest ?? up[0] ?? chats[0] ?? rows[0])?.id ?? "";
}

/** The id of a model to begin with, as `usual`, without reading the long list where a well-known one will do. */
export async function beginning(api, session, signal) {
  const [known] = session.role === "admin" ? await held(api, signal) : await allowed(api, signal);
  return known ? known[1] : usual(await models(api, session, signal));
}

/** Those whose provider has a key in the vault. */
async function held(api, signal) {
  const { data } = await api.get("admin/providers", { signal });
  const names = data.filter(({ keys }) => keys.length).map(({ name }) => name);
  return KNOWN.filter(([provider]) => names.includes(provider));
}

/** Those that a virtual key names; of a key that names none the list tells what there is. */
async function allowed(api, signal) {
  const { allowed_models: listed } = await api.get("v1/key", { signal });
  return KNOWN.filter(([provider, id]) => [id, `${provider}/${id}`, `${provider}/*`].some((name) => listed?.includes(name)));
}
