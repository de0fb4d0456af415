// A dry run: where a request would go and what would be sent, without a call to anybody.

import { html, Button, Code, Empty, ErrorNote, Field, Loading, Section, Select, Stat, Table, Tag, format, useEffect, useRef, useState } from "../../ui/index.js";
import { Changes } from "../playground/report.js";

const ORDERS = [["", "as the route says"], ["priority", "in order"], ["cheapest", "cheapest first"]];
const CANDIDATES = [
  { id: "at", label: "Order", value: (row) => row.at },
  { id: "model", label: "Model", main: true, value: (row) => `${row.provider}/${row.model}`, render: (row) => html`<code>${row.provider}/${row.model}</code>` },
  { id: "key", label: "Key", value: (row) => row.key, render: (row) => (row.key ? html`<code>${row.key}</code>` : "none needed") },
  { id: "state", label: "State", value: (row) => row.state, render: (row) => html`
    <${Tag} kind=${STATES[row.state] ?? ""}>${row.state}${row.reason ? `: ${row.reason}` : ""}<//>` },
].map((column) => ({ ...column, sortable: false }));
const STATES = { ready: "good", resting: "warn", "passed over": "bad" };

/** DryRun: api, tried ({ model, turn }: another turn runs it for that model), names. */
export function DryRun({ api, tried, names }) {
  const [asked, ask] = useState({ model: tried.model, prompt: "Hello", order: "" });
  const [state, become] = useState({ busy: false, found: null, error: null });
  const place = useRef(null);
  const going = useRef(null);
  const run = async (what) => {
    going.current?.abort();
    const stop = (going.current = new AbortController());
    become((held) => ({ ...held, busy: true, error: null }));
    const body = { model: what.model.trim(), messages: [{ role: "user", content: what.prompt }] };
    const headers = what.order ? { "x-vaultedge-routing-strategy": what.order } : {};
    await api.post("v1/explain", body, { as: "play", headers, signal: stop.signal })
      .then((found) => become({ busy: false, found, error: null }))
      .catch((error) => !stop.signal.aborted && become({ busy: false, found: null, error }));
  };
  useEffect(() => () => going.current?.abort(), []);
  useEffect(() => {
    if (!tried.turn) return;
    const what = { ...asked, model: tried.model };
    ask(what);
    run(what);
    place.current.scrollIntoView({ block: "start" });
    place.current.querySelector("input")?.focus({ preventScroll: true });
  }, [tried.turn]);
  const change = (name) => (value) => ask((held) => ({ ...held, [name]: value }));
  return html`
    <div ref=${place}>
      <${Section} title="Dry run">
        <p class="dim">Says where a request would go and what would be sent. No provider is called, and it costs nothing.</p>
        <form class="bar" onSubmit=${(event) => { event.preventDefault(); if (asked.model.trim()) run(asked); }}>
          <${Field} label="Model name" value=${asked.model} onInput=${change("model")} list=${names} autocomplete="off" spellcheck="false" required />
          <${Field} label="Prompt" value=${asked.prompt} onInput=${change("prompt")} />
          <${Select} label="Order" value=${asked.order} onChange=${change("order")} options=${ORDERS} />
          <${Button} kind="main" type="submit" busy=${state.busy}>Try<//>
        </form>
        <${ErrorNote} error=${state.error} />
        ${state.busy && !state.found ? html`<${Loading} />` : state.found && html`<${Found} found=${state.found} />`}
      <//>
    </div>`;
}

function Found({ found }) {
  const rows = [
    ...found.candidates.map((each, index) => ({ ...each, at: index + 1 })),
    ...found.skipped.map((each) => ({ ...each, at: "–", key: "–", state: "passed over" })),
  ];
  const { request, estimate } = found;
  return html`
    <div class="routes-found" role="status">
      <p>The name leads to the route <code>${found.route.name}</code>, <strong>${found.route.strategy}</strong>.</p>
      <${Table} label="Who would be asked" columns=${CANDIDATES} rows=${rows} keyOf=${(row) => `${row.at} ${row.provider} ${row.model} ${row.key_id ?? ""}`}
        empty=${html`<${Empty} icon="warning" title="Nobody could be asked">The vault holds no key for any of these providers.<//>`} />
      ${estimate && html`<div class="stats">
        <${Stat} label="Prompt" value=${`≈ ${format.number(estimate.prompt_tokens)}`} note="tokens" />
        <${Stat} label="Max output" value=${format.number(estimate.max_completion_tokens)} note="tokens" />
        <${Stat} label="Max cost" value=${format.money(estimate.max_cost_usd)} note="at the first candidate" />
      </div>`}
      ${request && html`
        <h3>What the first would be sent</h3>
        <${Code} inline label="address" text=${`${request.method} ${request.url}`} />
        <${Code} label="request body" text=${JSON.stringify(request.body, null, 2)} />
        ${request.translation.length ? html`<${Changes} changes=${request.translation} />` : html`<p class="dim">Nothing had to be translated.</p>`}`}
    </div>`;
}
