// One log entry: figures, attempts, and the prompt and response if they are stored.

import { html, useEffect, useRef, useState, Button, Code, Copy, Dialog, ErrorNote, format } from "../../ui/index.js";
import { isAbort } from "../../api.js";
import { refusalText } from "../usage/limits.js";
import { NOT_READ, Status, typeName } from "./rows.js";
import { Timeline } from "./timeline.js";

const FLAGS = {
  estimated: "token counts are estimated", clamped: "the provider's counts were reduced", broken: "the stream was interrupted",
  unpriced: "price unknown", implausible: "the provider's counts are impossible and were not charged",
  cut_off: "the output was longer than allowed and was cut off",
};

/** Detail: row (null: closed), named (key names), api, onClose, onOnly(filter): filter by a value of the row. */
export function Detail({ row, named, api, onClose, onOnly }) {
  if (!row) return null;
  const actions = html`
    ${row.model && html`<${Button} small onClick=${() => onOnly({ model: row.model })}>Filter by this model<//>`}
    <${Button} small onClick=${() => onOnly({ key: row.key })}>Filter by this key<//>
    <${Copy} label="Copy as JSON" text=${() => JSON.stringify(row, null, 2)} />`;
  return html`
    <${Dialog} open wide title="Request" onClose=${onClose} actions=${actions}>
      <p class="bar"><${Status} ...${row} /> <strong>${row.model}</strong> <span class="dim">${format.time(row.ended_at)}</span></p>
      <${Code} inline label="request id" text=${row.id} />
      ${row.refused ? html`<p class="dim">${row.model ? "The gateway refused the request. No provider was called." : NOT_READ}</p>`
        : html`<${Timeline} row=${row} api=${api} />`}
      <dl class="facts">${facts(row, named).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
      ${Object.keys(row.price).length > 0 && html`
        <details class="log-price"><summary>Cost breakdown</summary><${Code} label="price" text=${JSON.stringify(row.price, null, 2)} /></details>`}
      ${!row.refused && html`<${Content} id=${row.id} api=${api} />`}
    <//>`;
}

function facts(row, named) {
  return [
    ["Type", `${typeName(row.path)} (${row.path})${row.stream ? ", streamed" : ""}`],
    ["Key", named[row.key] ? `${named[row.key]} (${row.key})` : row.key],
    ["Owner", row.owner ?? "none"],
    ["Provider", row.provider ? `${row.provider} / ${row.served}` : row.attempts.length ? "none (all attempts failed)" : row.refused ? "none (refused by the gateway)" : "none"],
    ...(row.refusal?.limit ? [["Limit", refusalText(row.refusal)]] : []),
    ["Started", format.time(row.started_at)],
    ...(row.refused ? [] : outcome(row)),
  ];
}

/** Return the facts of a request that a provider may have answered. */
function outcome(row) {
  const tokens = [
    `${format.number(row.prompt_tokens)} in`, row.cached_tokens && `${format.number(row.cached_tokens)} of them cached`,
    `${format.number(row.completion_tokens)} out`, row.reasoning_tokens && `${format.number(row.reasoning_tokens)} of them reasoning`,
  ].filter(Boolean).join(", ");
  return [
    ["Duration", row.first_ms === null ? format.duration(row.ms) : `${format.duration(row.ms)}, first token after ${format.duration(row.first_ms)}`],
    ["Tokens", tokens],
    ["Cost", row.cost_usd === null ? "unknown" : format.money(row.cost_usd)],
    ["Price list", row.price_version || "–"],
    ["Translation changes", format.number(row.changes)],
    ["Notes", [...row.flags.map((flag) => FLAGS[flag] ?? flag), row.replayed && "replayed"].filter(Boolean).join("; ") || "none"],
  ];
}

/** The prompt and the response. Loaded only on demand, because every read is recorded in the audit log. */
function Content({ id, api }) {
  const [state, setState] = useState({ busy: false, content: null, none: false, error: null });
  const stop = useRef(null);
  useEffect(() => () => stop.current?.abort(), []);
  const read = async () => {
    stop.current = new AbortController();
    setState({ busy: true, content: null, none: false, error: null });
    try {
      const content = await api.get(`admin/logs/${encodeURIComponent(id)}/content`, { signal: stop.current.signal });
      setState({ busy: false, content, none: false, error: null });
    } catch (error) {
      if (!isAbort(error)) setState({ busy: false, content: null, none: error.status === 404, error: error.status === 404 ? null : error });
    }
  };
  const { busy, content, none, error } = state;
  return html`
    <div class="log-content">
      ${!content && html`<${Button} small busy=${busy} onClick=${read}>Show prompt and response<//>
        <p class="dim small" role="status">${none ? "The prompt and response of this request are not stored. Set VAULTEDGE_KEEP_CONTENT to store them for some hours."
          : "Available if the gateway stores content. Reading it is recorded in the audit log."}</p>`}
      ${error && html`<${ErrorNote} error=${error} retry=${read} />`}
      ${content?.too_large && html`<p>Too large to be stored: ${format.number(content.too_large)} characters.</p>`}
      ${content?.request && html`<h3>Prompt</h3><${Code} label="request" text=${JSON.stringify(content.request, null, 2)} />`}
      ${content?.answer && html`<h3>Response</h3><${Code} label="response"
        text=${typeof content.answer === "string" ? content.answer : JSON.stringify(content.answer, null, 2)} />`}
    </div>`;
}
