// One request of the log: every figure, every attempt, and what was said where that is kept.

import { html, useEffect, useRef, useState, Button, Code, Copy, Dialog, ErrorNote, format } from "../../ui/index.js";
import { aborted } from "../../api.js";
import { Status, typed } from "./rows.js";
import { Timeline } from "./timeline.js";

const FLAGS = {
  estimated: "tokens are estimated", clamped: "its length was limited to what the key had left", broken: "the stream broke off",
  unpriced: "its price is not known",
};

/** Detail: row (null: nothing is open), named (keys), api, onClose, onOnly(filter): show only the like. */
export function Detail({ row, named, api, onClose, onOnly }) {
  if (!row) return null;
  const actions = html`
    <${Button} small onClick=${() => onOnly({ model: row.model })}>Only this model<//>
    <${Button} small onClick=${() => onOnly({ key: row.key })}>Only this key<//>
    <${Copy} label="Copy as JSON" text=${() => JSON.stringify(row, null, 2)} />`;
  return html`
    <${Dialog} open wide title="Request" onClose=${onClose} actions=${actions}>
      <p class="bar"><${Status} ...${row} /> <strong>${row.model}</strong> <span class="dim">${format.time(row.ended_at)}</span></p>
      <${Code} inline label="request id" text=${row.id} />
      <${Timeline} row=${row} api=${api} />
      <dl class="facts">${facts(row, named).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
      ${Object.keys(row.price).length > 0 && html`
        <details class="log-price"><summary>How the cost was made up</summary><${Code} label="price" text=${JSON.stringify(row.price, null, 2)} /></details>`}
      <${Content} id=${row.id} api=${api} />
    <//>`;
}

function facts(row, named) {
  const tokens = [
    `${format.number(row.prompt_tokens)} in`, row.cached_tokens && `${format.number(row.cached_tokens)} of them cached`,
    `${format.number(row.completion_tokens)} out`, row.reasoning_tokens && `${format.number(row.reasoning_tokens)} of them reasoning`,
  ].filter(Boolean).join(", ");
  return [
    ["Type", `${typed(row.path)} (${row.path})${row.stream ? ", streamed" : ""}`],
    ["Key", named[row.key] ? `${named[row.key]} (${row.key})` : row.key],
    ["Owner", row.owner ?? "none"],
    ["Answered by", row.provider ? `${row.provider} / ${row.served}` : "nobody"],
    ["Began", format.time(row.started_at)],
    ["Duration", row.first_ms === null ? format.duration(row.ms) : `${format.duration(row.ms)}, first piece after ${format.duration(row.first_ms)}`],
    ["Tokens", tokens],
    ["Cost", row.cost_usd === null ? "unknown" : format.money(row.cost_usd)],
    ["Price list", row.price_version || "–"],
    ["Fields changed in translation", format.number(row.changes)],
    ["Notes", [...row.flags.map((flag) => FLAGS[flag] ?? flag), row.replayed && "replayed"].filter(Boolean).join("; ") || "none"],
  ];
}

/** What was asked and answered. It is fetched when wanted only, as the gateway audits who reads it. */
function Content({ id, api }) {
  const [state, become] = useState({ busy: false, said: null, none: false, error: null });
  const stop = useRef(null);
  useEffect(() => () => stop.current?.abort(), []);
  const read = async () => {
    stop.current = new AbortController();
    become({ busy: true, said: null, none: false, error: null });
    try {
      const said = await api.get(`admin/logs/${encodeURIComponent(id)}/content`, { signal: stop.current.signal });
      become({ busy: false, said, none: false, error: null });
    } catch (error) {
      if (!aborted(error)) become({ busy: false, said: null, none: error.status === 404, error: error.status === 404 ? null : error });
    }
  };
  const { busy, said, none, error } = state;
  return html`
    <div class="log-said">
      ${!said && html`<${Button} small busy=${busy} onClick=${read}>Show prompt and answer<//>
        <p class="dim small" role="status">${none ? "Nothing is kept of what this request said. VAULTEDGE_KEEP_CONTENT keeps it for some hours."
          : "Where the gateway keeps it. Reading it is written to the audit."}</p>`}
      ${error && html`<${ErrorNote} error=${error} retry=${read} />`}
      ${said?.too_large && html`<p>It was too large to be kept: ${format.number(said.too_large)} characters.</p>`}
      ${said?.request && html`<h3>Prompt</h3><${Code} label="request" text=${JSON.stringify(said.request, null, 2)} />`}
      ${said?.answer && html`<h3>Answer</h3><${Code} label="answer"
        text=${typeof said.answer === "string" ? said.answer : JSON.stringify(said.answer, null, 2)} />`}
    </div>`;
}
