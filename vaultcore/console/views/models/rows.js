// Loads the models of a session: with health from the admin API, or from a virtual key's own list.

/** The capability filter: [capability, label]. */
export const CAPABILITIES = [
  ["vision", "vision"], ["tools", "tools"], ["structured_output", "JSON schema"], ["thinking", "reasoning"], ["prompt_cache", "prompt cache"],
];

/** Model types: [type, label]. */
export const TYPES = [["text", "Text"], ["image", "Image"], ["hybrid", "Hybrid"], ["embedding", "Embedding"], ["moderation", "Moderation"]];

/** Return true if a model is known to have a capability. */
export const hasCapability = (row, capability) => Boolean(row.capabilities[capability]) && row.capabilities[capability] !== "none";

/** Return [{ id, type, window, output, pricing, capabilities, providers: [{ name, title, state, reason }], state }] */
export async function loadModels(api, role, signal) {
  if (role === "key") {
    const { data } = await api.get("v1/models", { signal });
    return data.map((each) => ({
      ...each, window: each.context_window, output: each.max_output_tokens, state: null,
      providers: each.providers.map((name) => ({ name, title: name, state: null, reason: null })),
    }));
  }
  const [models, providers, health] = await Promise.all(
    ["models", "providers", "health"].map((name) => api.get(`admin/${name}`, { signal })));
  const states = new Map(providers.data.map((each) => [each.name, providerHealth(each, health)]));
  return models.data.map(({ id, model, pricing, providers: names }) => {
    const entries = names.map((name) => states.get(name) ?? { name, title: name, state: "up", reason: null });
    return {
      id, type: model.type, window: model.context_window, output: model.max_output_tokens, pricing,
      capabilities: model.capabilities, providers: entries, state: combinedState(entries),
    };
  });
}

/** Return a provider with its health. It is down if its own circuit breaker is open, or those of all its keys. */
function providerHealth({ name, title, keys }, health) {
  const open = keys.map(({ id }) => health.keys[id]).filter((circuit) => circuit?.state === "open");
  const host = health.providers[name];
  const down = host?.state === "open" ? host : keys.length && open.length === keys.length ? open[0] : null;
  const state = down ? "down" : open.length || host?.state === "half-open" ? "partly" : "up";
  return { name, title: title ?? name, state, reason: down?.reason ?? host?.reason ?? open[0]?.reason ?? null };
}

function combinedState(places) {
  const states = new Set(places.map((each) => each.state));
  return states.size === 1 ? [...states][0] : "partly";
}

/** Return the rows that match a filter { q, type, provider, can }. */
export function filterRows(rows, { q = "", type = "", provider = "", can = "" }) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) =>
    (!type || row.type === type)
    && (!provider || row.providers.some((each) => each.name === provider))
    && (!can || hasCapability(row, can))
    && words.every((word) => `${row.id} ${row.providers.map((each) => each.title).join(" ")}`.toLowerCase().includes(word)));
}
