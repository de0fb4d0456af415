// A dry run: shows the candidates and the upstream request without calling a provider.

import { html, Button, Code, Empty, ErrorNote, Field, Loading, Section, Select, Stat, Table, Tag, format, useEffect, useRef, useState } from "../../ui/index.js";
import { Changes } from "../playground/report.js";

const ORDERS = [["", "As configured"], ["priority", "In order"], ["cheapest", "Cheapest first"]];
const CANDIDATES = [
  { id: "at", label: "#", value: (row) => row.at },
  { id: "model", label: "Model", main: true, value: (row) => `${row.provider}/${row.model}`, render: (row) => html`<code>${row.provider}/${row.model}</code>` },
  { id: "key", label: "Key", value: (row) => row.key, render: (row) => (row.key ? html`<code>${row.key}</code>` : "none required") },
  { id: "state", label: "State", value: (row) => row.state, render: (row) => html`
    <${Tag} kind=${STATES[row.state] ?? ""}>${STATE_NAMES[row.state] ?? row.state}${row.reason ? `: ${row.reason}` : ""}<//>` },
].map((column) => ({ ...column, sortable: false }));
const STATES = { ready: "good", resting: "warn", skipped: "bad" };
const STATE_NAMES = { resting: "paused after failures" };

/** DryRun: api, trigger ({ model, turn }: a new turn starts a run for that model), names. */
export function DryRun({ api, trigger, names }) {
  const [form, setForm] = useState({ model: trigger.model, prompt: "Hello", order: "" });
  const [state, setState] = useState({ busy: false, result: null, error: null });
  const container = useRef(null);
  const running = useRef(null);
  const run = async (request) => {
    running.current?.abort();
    const stop = (running.current = new AbortController());
    setState((previous) => ({ ...previous, busy: true, error: null }));
    const body = { model: request.model.trim(), messages: [{ role: "user", content: request.prompt }] };
    const headers = request.order ? { "x-vaultedge-routing-strategy": request.order } : {};
    await api.post("v1/explain", body, { as: "play", headers, signal: stop.signal })
      .then((result) => setState({ busy: false, result, error: null }))
      .catch((error) => !stop.signal.aborted && setState({ busy: false, result: null, error }));
  };
  useEffect(() => () => running.current?.abort(), []);
  useEffect(() => {
    if (!trigger.turn) return;
    const request = { ...form, model: trigger.model };
    setForm(request);
    run(request);
    container.current.scrollIntoView({ block: "start" });
    container.current.querySelector("input")?.focus({ preventScroll: true });
  }, [trigger.turn]);
  const change = (name) => (value) => setForm((previous) => ({ ...previous, [name]: value }));
  return html`
    <div ref=${container}>
      <${Section} title="Dry run">
        <p class="dim">Shows which models the gateway would try and the request it would send. It calls no provider and costs nothing.</p>
        <form class="bar" onSubmit=${(event) => { event.preventDefault(); if (form.model.trim()) run(form); }}>
          <${Field} label="Model" value=${form.model} onInput=${change("model")} list=${names} autocomplete="off" spellcheck="false" required />
          <${Field} label="Prompt" value=${form.prompt} onInput=${change("prompt")} />
          <${Select} label="Order" value=${form.order} onChange=${change("order")} options=${ORDERS} />
          <${Button} kind="main" type="submit" busy=${state.busy}>Run<//>
        </form>
        <${ErrorNote} error=${state.error} />
        ${state.busy && !state.result ? html`<${Loading} />` : state.result && html`<${DryRunResult} result=${state.result} />`}
      <//>
    </div>`;
}

const STRATEGY_NAMES = { priority: "in order", weighted: "by weight", cheapest: "cheapest first" };

function DryRunResult({ result }) {
  const rows = [
    ...result.candidates.map((each, index) => ({ ...each, at: index + 1 })),
    ...result.skipped.map((each) => ({ ...each, at: "–", key: "–", state: "skipped" })),
  ];
  const { request, estimate } = result;
  return html`
    <div class="dry-run-result" role="status">
      <p>Matches route <code>${result.route.name}</code> (<strong>${STRATEGY_NAMES[result.route.strategy] ?? result.route.strategy}</strong>).</p>
      <${Table} label="Candidates" columns=${CANDIDATES} rows=${rows} keyOf=${(row) => `${row.at} ${row.provider} ${row.model} ${row.key_id ?? ""}`}
        empty=${html`<${Empty} icon="warning" title="No candidates">The vault has no key for any of these providers.<//>`} />
      ${estimate && html`<div class="stats">
        <${Stat} label="Prompt" value=${`≈ ${format.number(estimate.prompt_tokens)}`} note="tokens" />
        <${Stat} label="Max output" value=${format.number(estimate.max_completion_tokens)} note="tokens" />
        <${Stat} label="Max cost" value=${format.money(estimate.max_cost_usd)} note="of the first candidate" />
      </div>`}
      ${request && html`
        <h3>Request to the first candidate</h3>
        <${Code} inline label="URL" text=${`${request.method} ${request.url}`} />
        <${Code} label="request body" text=${JSON.stringify(request.body, null, 2)} />
        ${request.translation.length ? html`<${Changes} changes=${request.translation} />` : html`<p class="dim">No translation changes.</p>`}`}
    </div>`;
}
