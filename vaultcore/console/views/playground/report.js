// What the gateway did for a run: the providers it asked, and what the translation changed.

import { html, Section, Table, Tag, format } from "../../ui/index.js";

const ATTEMPTS = [
  { id: "at", label: "Attempt", value: (row) => row.at },
  { id: "provider", label: "Provider", main: true, value: (row) => row.provider },
  { id: "model", label: "Model", value: (row) => row.model ?? "–" },
  { id: "status", label: "Status", value: (row) => row.status, render: (row) => html`
    <${Tag} kind=${row.fault ? "bad" : "good"} title=${row.message}>${[row.status ?? "no answer", row.fault].filter(Boolean).join(" · ")}<//>` },
  { id: "ms", label: "Duration", end: true, value: (row) => row.ms, render: (row) => format.duration(row.ms) },
].map((column) => ({ ...column, sortable: false }));

const CHANGES = [
  { id: "path", label: "Field", main: true, value: (row) => row.path, render: (row) => html`<code>${row.path}</code>` },
  { id: "kind", label: "What", value: (row) => row.kind, render: (row) => html`<${Tag} kind=${MILD.has(row.kind) ? "info" : "warn"}>${row.kind}<//>` },
  { id: "from", label: "From", value: (row) => plain(row.from), render: (row) => html`<code class="clip">${plain(row.from)}</code>` },
  { id: "to", label: "To", value: (row) => plain(row.to), render: (row) => html`<code class="clip">${plain(row.to)}</code>` },
  { id: "reason", label: "Why", value: (row) => row.reason ?? "" },
].map((column) => ({ ...column, sortable: false }));

const MILD = new Set(["renamed", "injected"]);
const plain = (value) => (value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));

/** Changes: changes (of a translation report): a table of them. */
export const Changes = ({ changes }) => html`
  <${Table} label="Translation" columns=${CHANGES} rows=${changes} keyOf=${(row) => `${row.path} ${row.kind} ${plain(row.to)}`} />`;

/** Report: run, admin. Nothing before something was asked, nor of a request that was refused at the door. */
export function Report({ run, admin }) {
  if (run.ms === null) return null;
  const rows = (run.entry?.attempts ?? run.error?.attempts ?? []).map((each, index) => ({ ...each, at: index + 1, fault: each.fault ?? null, message: each.reason }));
  const count = run.headers.attempts;
  if (run.state === "failed" && !rows.length && !count && run.changes === null) return null;
  return html`
    <${Section} title="Attempts">
      ${run.headers.id && html`<p class="dim small">Request <code>${run.headers.id}</code></p>`}
      ${rows.length ? html`<${Table} label="Attempts" columns=${ATTEMPTS} rows=${rows} keyOf=${(row) => row.at} />`
        : html`<p>${count ? `${count === "1" ? "One attempt" : `${count} attempts`}; ${admin ? "the log has no record of them yet." : "each of them is in the operator's log."}`
          : "No provider was asked."}</p>`}
      ${run.changes !== null && html`<h3>Translation</h3>`}
      ${run.changes === null ? "" : run.changes.length ? html`<${Changes} changes=${run.changes} />` : html`<p class="dim">The request went out as it was written.</p>`}
    <//>`;
}
