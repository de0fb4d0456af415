// Requests that the gateway itself refused: sums by key and error code, and a key's last ones.

import { html, Section, Table, format } from "../../ui/index.js";
import { address } from "../../router.js";
import { Status } from "../logs/rows.js";
import { refusalText } from "./limits.js";

const MAX_MODELS = 3; // names in a cell; the title has all of them
const UNKNOWN = { unknown: "unknown or not read" };

/** Refusals: report (of `admin/refusals`), named (key names), hasFilters: the 401 responses belong to no key. */
export function Refusals({ report, named, hasFilters }) {
  const rows = sumByCode(report.data);
  const invalid = hasFilters ? 0 : report.unauthorized.reduce((sum, row) => sum + row.count, 0);
  return html`
    <${Section} title="Refused requests">
      <p class="dim small">Requests that the gateway itself refused. They cost nothing, and the totals above do not include them.
        ${invalid > 0 && html` <span>${format.number(invalid)} ${invalid === 1 ? "request" : "requests"} with an invalid key (401).</span>`}</p>
      <div class="usage-refusals"><${Table} label="Refused requests" columns=${[keyColumn(named), ...SUMS]} rows=${rows} keyOf=${(row) => row.id}
        empty=${html`<p>No refused requests in this period.</p>`} /></div>
    <//>`;
}

/** OwnRefusals: sums and requests (of `v1/usage`). Empty without refusals. */
export function OwnRefusals({ sums, requests }) {
  if (!sums.length) return null;
  return html`
    <${Section} title="Refused requests">
      <p class="dim small">Requests of this key that the gateway itself refused. They cost nothing, and the figures above do not include them.</p>
      <div class="usage-refusals"><${Table} label="Refused requests" columns=${SUMS} rows=${sumByCode(sums)} keyOf=${(row) => row.id} /></div>
      ${requests.length > 0 && html`
        <h3>Most recent</h3>
        <div class="usage-refusals"><${Table} label="Most recent refused requests" columns=${REQUESTS} rows=${requests} keyOf=${(row) => row.request_id} /></div>`}
    <//>`;
}

/** Return the rows of all days added up by key and code, the most frequent first. */
export function sumByCode(rows) {
  const sums = new Map();
  for (const row of rows) {
    const id = `${row.key ?? ""} ${row.code}`;
    const sum = sums.get(id) ?? { id, key: row.key, status: row.status, code: row.code, count: 0, models: {}, last: row.last_at };
    for (const [model, count] of Object.entries(row.models)) sum.models[model] = (sum.models[model] ?? 0) + count;
    sums.set(id, { ...sum, count: sum.count + row.count, last: row.last_at > sum.last ? row.last_at : sum.last });
  }
  return [...sums.values()].sort((a, b) => b.count - a.count);
}

function modelTexts(models) {
  return Object.entries(models).sort(([, a], [, b]) => b - a).map(([name, count]) => `${UNKNOWN[name] ?? name} (${format.number(count)})`);
}

function Models({ models }) {
  const texts = modelTexts(models);
  const more = texts.length > MAX_MODELS ? ` and ${format.number(texts.length - MAX_MODELS)} more` : "";
  return html`<span class="clip" title=${texts.join(", ")}>${texts.slice(0, MAX_MODELS).join(", ")}${more}</span>`;
}

const keyColumn = (named) => ({
  id: "key", label: "Key", main: true, value: (row) => named[row.key] ?? row.key,
  render: (row) => html`<a class="usage-name" title=${row.key} href=${address("logs", { key: row.key, status: row.status })}>${named[row.key] ?? row.key}</a>`,
});

const Time = ({ at }) => html`<time datetime=${at} title=${format.time(at)}>${format.relative(at)}</time>`;

const SUMS = [
  { id: "error", label: "Error", value: (row) => row.code, render: (row) => html`<${Status} ...${row} />` },
  { id: "count", label: "Requests", end: true, value: (row) => row.count, render: (row) => format.number(row.count) },
  { id: "models", label: "Models", render: (row) => html`<${Models} models=${row.models} />` },
  { id: "last", label: "Last", end: true, value: (row) => row.last, render: (row) => html`<${Time} at=${row.last} />` },
];

const REQUESTS = [
  { id: "model", label: "Model", main: true, render: (row) => html`<span class="usage-name" title=${row.model}>${row.model || "not read"}</span>` },
  { id: "code", label: "Error", render: (row) => html`<${Status} ...${row} />` },
  { id: "limit", label: "Limit", render: (row) => (row.limit ? refusalText(row) : "–") },
  { id: "at", label: "Time", end: true, render: (row) => html`<${Time} at=${row.at} />` },
];
