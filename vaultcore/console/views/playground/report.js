// The gateway's report on a run: attempts and translation changes.

import { html, Section, Table, Tag, format } from "../../ui/index.js";

const ATTEMPTS = [
  { id: "at", label: "Attempt", value: (row) => row.at },
  { id: "provider", label: "Provider", main: true, value: (row) => row.provider },
  { id: "model", label: "Model", value: (row) => row.model ?? "–" },
  { id: "status", label: "Status", value: (row) => row.status, render: (row) => html`
    <${Tag} kind=${row.fault ? "bad" : "good"} title=${row.message}>${[row.status ?? "no response", row.fault].filter(Boolean).join(" · ")}<//>` },
  { id: "ms", label: "Duration", end: true, value: (row) => row.ms, render: (row) => format.duration(row.ms) },
].map((column) => ({ ...column, sortable: false }));

const CHANGES = [
  { id: "path", label: "Field", main: true, value: (row) => row.path, render: (row) => html`<code>${row.path}</code>` },
  { id: "kind", label: "Change", value: (row) => row.kind, render: (row) => html`<${Tag} kind=${HARMLESS.has(row.kind) ? "info" : "warn"}>${row.kind}<//>` },
  { id: "from", label: "From", value: (row) => formatValue(row.from), render: (row) => html`<code class="clip">${formatValue(row.from)}</code>` },
  { id: "to", label: "To", value: (row) => formatValue(row.to), render: (row) => html`<code class="clip">${formatValue(row.to)}</code>` },
  { id: "reason", label: "Reason", value: (row) => row.reason ?? "" },
].map((column) => ({ ...column, sortable: false }));

const HARMLESS = new Set(["renamed", "injected"]);
const formatValue = (value) => (value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));

/** Changes: changes (of a translation report). */
export const Changes = ({ changes }) => html`
  <${Table} label="Translation" columns=${CHANGES} rows=${changes} keyOf=${(row) => `${row.path} ${row.kind} ${formatValue(row.to)}`} />`;

/** Report: run, admin. Empty before the first run, and if the gateway rejected the request before any attempt. */
export function Report({ run, admin }) {
  if (run.ms === null) return null;
  const rows = (run.entry?.attempts ?? run.error?.attempts ?? []).map((each, index) => ({ ...each, at: index + 1, fault: each.fault ?? null, message: each.reason }));
  const count = run.headers.attempts;
  if (run.state === "failed" && !rows.length && !count && run.changes === null) return null;
  return html`
    <${Section} title="Attempts">
      ${run.headers.id && html`<p class="dim small">Request <code>${run.headers.id}</code></p>`}
      ${rows.length ? html`<${Table} label="Attempts" columns=${ATTEMPTS} rows=${rows} keyOf=${(row) => row.at} />`
        : html`<p>${count ? `${count === "1" ? "1 attempt" : `${count} attempts`}; ${admin ? "details are not in the log yet." : "details are in the administrator's log."}`
          : "No provider was called."}</p>`}
      ${run.changes !== null && html`<h3>Translation</h3>`}
      ${run.changes === null ? "" : run.changes.length ? html`<${Changes} changes=${run.changes} />` : html`<p class="dim">The request was sent unchanged.</p>`}
    <//>`;
}
