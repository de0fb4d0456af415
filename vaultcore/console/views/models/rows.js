// The models that a session may ask for, as rows: from the admin API with their health, or from a key's own list.

/** What models are filtered by: [capability, its name]. */
export const CAPABILITIES = [
  ["vision", "vision"], ["tools", "tools"], ["structured_output", "JSON schema"], ["thinking", "thinking"], ["prompt_cache", "prompt cache"],
];

/** The types there are: [type, its name]. */
export const TYPES = [["text", "Text"], ["image", "Image"], ["hybrid", "Hybrid"], ["embedding", "Embedding"]];

/** Whether a model is known to have a capability. */
export const has = (row, capability) => Boolean(row.capabilities[capability]) && row.capabilities[capability] !== "none";

/** [{ id, type, window, output, pricing, capabilities, providers: [{ name, title, state, reason }], state }] */
export async function models(api, role, signal) {
  if (role === "key") {
    const { data } = await api.get("v1/models", { signal });
    return data.map((each) => ({
      ...each, window: each.context_window, output: each.max_output_tokens, state: null,
      providers: each.providers.map((name) => ({ name, title: name, state: null, reason: null })),
    }));
  }
  const [found, providers, health] = await Promise.all(
    ["models", "providers", "health"].map((name) => api.get(`admin/${name}`, { signal })));
  const states = new Map(providers.data.map((each) => [each.name, standing(each, health)]));
  return found.data.map(({ id, model, pricing, providers: names }) => {
    const places = names.map((name) => states.get(name) ?? { name, title: name, state: "up", reason: null });
    return {
      id, type: model.type, window: model.context_window, output: model.max_output_tokens, pricing,
      capabilities: model.capabilities, providers: places, state: together(places),
    };
  });
}

/** A provider rests where its own circuit is open, or those of all its keys. */
function standing({ name, title, keys }, health) {
  const open = keys.map(({ id }) => health.keys[id]).filter((circuit) => circuit?.state === "open");
  const host = health.providers[name];
  const down = host?.state === "open" ? host : keys.length && open.length === keys.length ? open[0] : null;
  const state = down ? "resting" : open.length || host?.state === "half-open" ? "partly" : "up";
  return { name, title: title ?? name, state, reason: down?.reason ?? host?.reason ?? open[0]?.reason ?? null };
}

function together(places) {
  const states = new Set(places.map((each) => each.state));
  return states.size === 1 ? [...states][0] : "partly";
}

/** The rows that a filter { q, type, provider, can } leaves. */
export function filtered(rows, { q = "", type = "", provider = "", can = "" }) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) =>
    (!type || row.type === type)
    && (!provider || row.providers.some((each) => each.name === provider))
    && (!can || has(row, can))
    && words.every((word) => `${row.id} ${row.providers.map((each) => each.title).join(" ")}`.toLowerCase().includes(word)));
}
