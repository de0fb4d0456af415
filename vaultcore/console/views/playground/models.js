// The models that can be asked here, the same rows for an admin and for a virtual key.

const NANOS = 1e9;

/** [{ id, type, providers, context, output, price }]: `price` is dollars per million tokens { input, output } or null. */
export async function models(api, session, signal) {
  const admin = session.role === "admin";
  const { data } = await api.get(admin ? "admin/models" : "v1/models", { signal });
  return data.map(admin ? ofAdmin : ofKey).filter((row) => row.type !== "embedding");
}

const ofKey = (row) => ({
  id: row.id, type: row.type, providers: row.providers, context: row.context_window, output: row.max_output_tokens,
  price: row.pricing?.input === undefined ? null : { input: Number(row.pricing.input), output: Number(row.pricing.output) },
});

const ofAdmin = ({ id, providers, model }) => ({
  id, type: model.type, providers, context: model.context_window, output: model.max_output_tokens,
  price: model.price ? { input: model.price.input / NANOS, output: model.price.output / NANOS } : null,
});
