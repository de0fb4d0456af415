// API keys: lists virtual keys with their usage; creates, edits, rotates and revokes them.

import { html, useMemo, Button, Empty, Field, IconButton, Loaded, Meter, Page, Section, Select, Stat, Table, format, useFetch } from "../ui/index.js";
import { useKeyActions } from "./keys/actions.js";
import { State } from "./keys/details.js";
import { loadKeys } from "./keys/load.js";
import { filterKeys, rateText, restrictionText, share, tightestLimit, totals } from "./keys/rows.js";
import { SystemKey } from "./keys/system.js";

const STATES = [["active", "Active"], ["expired", "Expired"], ["revoked", "Revoked"], ["all", "All"]];

export default function Keys({ api, go, query }) {
  const result = useFetch((signal) => loadKeys(api, signal), [], { every: 30 });
  const [start, dialogs] = useKeyActions(api, result.retry);
  const narrow = (change) => go("keys", { ...query, ...change }, { replace: true });
  const actions = html`<${Button} icon="refresh" onClick=${result.retry}>Refresh<//>
    <${Button} kind="main" icon="plus" onClick=${() => start("new")}>New key<//>`;
  const none = html`<${Section}><${Empty} icon="keys" title="No keys yet">
    Create one key per application instead of sharing the system key.<//><//>`;
  return html`
    <${Page} wide title="API keys" intro="Virtual keys for your applications, each with its own limits." actions=${actions}>
      <${Loaded} result=${result} lines=${8} empty=${({ keys }) => !keys.length} none=${none}>${({ keys, more }) => html`
        <${Totals} keys=${keys} />
        <${Section}>
          <${List} keys=${keys} query=${query} narrow=${narrow} start=${start} />
          ${more && html`<p class="note">This list is incomplete. Use the admin API to read all keys.</p>`}
        <//>`}<//>
      ${result.data && html`<${SystemKey} api=${api} />`}
      ${dialogs}
    <//>`;
}

function Totals({ keys }) {
  const { active, requests, tokens, cost, low } = totals(keys);
  return html`
    <${Section}><div class="stats">
      <${Stat} label="Active keys" value=${format.number(active)} note=${`${format.number(keys.length)} in total`} />
      <${Stat} label="Requests" value=${format.number(requests)} note="all time, virtual keys" />
      <${Stat} label="Tokens" value=${format.compact(tokens)} note="all time, virtual keys" />
      <${Stat} label="Spend" value=${format.money(cost)} note="all time, virtual keys" />
      <${Stat} label="Running low" value=${format.number(low)} note=${low ? html`<a href="#/balance">View balance</a>` : "none above the first threshold"} />
    </div><//>`;
}

function List({ keys, query, narrow, start }) {
  const { q, state = "active" } = query;
  const visible = useMemo(() => filterKeys(keys, { q, state: state === "all" ? "" : state }), [keys, q, state]);
  const columns = useMemo(() => COLUMNS(start), [start]);
  const none = html`<${Empty} icon="search" title="No matching keys"><${Button} onClick=${() => narrow({ q: "", state: "all" })}>Clear filters<//><//>`;
  return html`
    <div class="bar">
      <${Field} label="Search" type="search" value=${q} onInput=${(text) => narrow({ q: text })} placeholder="name, owner, id …" autocomplete="off" spellcheck=${false} />
      <${Select} label="State" value=${state} onChange=${(next) => narrow({ state: next })} options=${STATES} />
    </div>
    <p class="dim small" role="status">${format.number(visible.length)} of ${format.number(keys.length)} keys</p>
    <div class="key-list"><${Table} label="API keys" columns=${columns} rows=${visible} keyOf=${(key) => key.id} onOpen=${(key) => start("show", key)}
      sort=${{ id: "name", down: false }} empty=${none} /></div>`;
}

function UsageMeter({ virtualKey }) {
  const meter = tightestLimit(virtualKey);
  if (!meter) return html`<span class="dim">${format.number(virtualKey.usage.total_tokens)} tokens, no limit</span>`;
  return html`<${Meter} used=${meter.used} most=${meter.most} label=${`${meter.name} of ${virtualKey.name}`} text=${meter.text + meter.unit} />`;
}

const restrictionDetails = (key) => [...(key.allowed_models ?? []), ...(key.allowed_ips ?? [])].join(", ") || undefined;

const COLUMNS = (start) => [
  { id: "name", label: "Name", main: true, value: (key) => key.name,
    render: (key) => html`<span class="key-name"><strong>${key.name || key.id}</strong>
      <span class="dim small"><code>${key.masked}</code>${key.owner && ` · ${key.owner}`}</span></span>` },
  { id: "state", label: "State", value: (key) => key.state, render: (key) => html`<${State} virtualKey=${key} />` },
  { id: "used", label: "Usage", value: (key) => (tightestLimit(key) ? share(tightestLimit(key)) : -1), render: (key) => html`<${UsageMeter} virtualKey=${key} />` },
  { id: "spend", label: "Spend", end: true, value: (key) => key.usage.cost_usd, render: (key) => format.money(key.usage.cost_usd) },
  { id: "rate", label: "Rate", render: (key) => html`<span class="key-rate" title=${rateText(key)}>${rateText(key)}</span>` },
  { id: "restrictions", label: "Restrictions", render: (key) => html`<span title=${restrictionDetails(key)}>${restrictionText(key)}</span>` },
  { id: "expires", label: "Expires", value: (key) => key.expires_at,
    render: (key) => (key.expires_at ? html`<span title=${format.time(key.expires_at)}>${format.relative(key.expires_at)}</span>` : "never") },
  { id: "actions", label: "Actions", render: (key) => (key.state === "revoked" ? "" : html`<span class="row-actions">
    <${IconButton} icon="edit" label=${`Edit ${key.name}`} onClick=${() => start("edit", key)} />
    <${IconButton} icon="plus" label=${`Top up ${key.name}`} onClick=${() => start("topup", key)} />
    <${IconButton} icon="refresh" label=${`Rotate ${key.name}`} onClick=${() => start("rotate", key)} />
    <${IconButton} icon="trash" kind="danger" label=${`Revoke ${key.name}`} onClick=${() => start("revoke", key)} /></span>`) },
];
