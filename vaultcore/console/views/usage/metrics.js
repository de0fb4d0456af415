// The metrics of the usage page and their formats.

import { format } from "../../ui/index.js";

/** id -> { title, of(row), show(number) } */
export const METRICS = {
  cost: { title: "Spend", of: (row) => row.cost_usd, show: format.money },
  requests: { title: "Requests", of: (row) => row.requests, show: format.number },
  tokens: { title: "Tokens", of: (row) => row.total_tokens, show: format.compact },
  failed: { title: "Failures", of: (row) => row.failed, show: format.number },
};

/** Groupings of the totals: [id, title]. */
export const GROUPS = [["model", "Models"], ["key", "Keys"], ["provider", "Providers"], ["owner", "Owners"]];

const NO_GROUP = { provider: "no provider (rejected or failed)", owner: "no owner", model: "no model" };

/** Return a row's display name; `named` maps key ids to names. */
export function groupName(row, by, named) {
  const id = row[by];
  if (by === "key") return named[id] ?? id;
  return id || NO_GROUP[by];
}
