// The models that can be asked here, the same rows for an admin and for a virtual key.

import { models as every } from "../models/rows.js";

const KNOWN = ["gpt-4o-mini", "gpt-4.1-mini", "claude-haiku-4-5", "gemini-2.5-flash", "mistral-small-latest"]; // cheap, and good enough to try

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
  const known = KNOWN.map((id) => up.find((row) => row.id === id)).find(Boolean);
  const cost = ({ price }) => (price && price.input + price.output > 0 ? price.input + price.output : Infinity);
  const cheapest = up.filter((row) => cost(row) < Infinity).sort((a, b) => cost(a) - cost(b))[0];
  return (known ?? cheapest ?? up[0] ?? chats[0] ?? rows[0])?.id ?? "";
}
