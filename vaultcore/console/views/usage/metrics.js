// What can be counted, and how a count of it is written.

import { format } from "../../ui/index.js";

/** id -> { title, of(row), show(number) } */
export const METRICS = {
  cost: { title: "Spend", of: (row) => row.cost_usd, show: format.money },
  requests: { title: "Requests", of: (row) => row.requests, show: format.number },
  tokens: { title: "Tokens", of: (row) => row.total_tokens, show: format.compact },
  failed: { title: "Failures", of: (row) => row.failed, show: format.number },
};

/** What sums can be of. */
export const GROUPS = [["model", "Models"], ["key", "Keys"], ["provider", "Providers"], ["owner", "Owners"]];

const NOBODY = { provider: "no provider (refused or failed)", owner: "no owner", model: "no model" };

/** What a row is called; `named` has the names of keys. */
export function called(row, by, named) {
  const id = row[by];
  if (by === "key") return named[id] ?? id;
  return id || NOBODY[by];
}
