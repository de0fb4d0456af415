// The columns of the log: one row per request.

import { html, Tag, format } from "../../ui/index.js";

const KINDS = {
  "/v1/chat/completions": "chat", "/v1/completions": "completion", "/v1/responses": "response", "/v1/messages": "message",
  "/v1/embeddings": "embedding", "/v1/images/generations": "image", "/v1/images/edits": "image edit",
  "/v1/moderations": "moderation",
};

const times = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit" });

/** Request types as options of a Select, by path. */
export const TYPES = Object.entries(KINDS);

/** Why a refused request has no model. */
export const NOT_READ = "The gateway refused the request before it read the model.";

/** Return the type of a path. */
export const typeName = (path) => KINDS[path] ?? path;

/** Status: status, code. */
export function Status({ status, code }) {
  const kind = status < 400 ? "good" : status < 500 ? "warn" : "bad";
  const detail = status === 499 ? "client disconnected" : code;
  return html`<${Tag} kind=${kind} title=${detail}>${status}${detail ? ` ${detail}` : ""}<//>`;
}

/** Return the columns of the log; `named` maps key ids to names. */
export const columns = (named) => [
  { id: "time", label: "Time", render: (row) => html`<time datetime=${row.ended_at} title=${format.time(row.ended_at)}>${times.format(format.moment(row.ended_at))}</time>` },
  { id: "model", label: "Model", main: true, render: (row) => (row.model ? html`<span title=${row.model}>${row.model}</span>` : html`<span class="dim" title=${NOT_READ}>not read</span>`) },
  { id: "status", label: "Status", render: (row) => html`<${Status} ...${row} />` },
  { id: "key", label: "Key", render: (row) => html`<span title=${row.key}>${named[row.key] ?? row.key}</span>` },
  { id: "type", label: "Type", render: (row) => typeName(row.path) },
  { id: "provider", label: "Provider", render: (row) => html`<span title=${`${format.number(row.tries)} ${row.tries === 1 ? "attempt" : "attempts"}`}>${row.provider ?? (row.refused ? "refused" : "none")}${row.tries > 1 ? ` (${row.tries})` : ""}</span>` },
  { id: "tokens", label: "Tokens", end: true, render: (row) => format.number(row.total_tokens) },
  { id: "cost", label: "Cost", end: true, render: (row) => (row.cost_usd === null ? "unknown" : format.money(row.cost_usd)) },
  { id: "duration", label: "Duration", end: true, render: (row) => (row.refused ? "–" : format.duration(row.ms)) },
];
