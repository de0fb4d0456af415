// API keys: what has been given out, what was used of it, and making, changing, rotating and revoking keys.

import { html, useMemo, Button, Empty, Field, IconButton, Loaded, Meter, Page, Section, Select, Stat, Table, format, useAsked } from "../ui/index.js";
import { useActing } from "./keys/acting.js";
import { State } from "./keys/details.js";
import { everyKey } from "./keys/reading.js";
import { filtered, rates, restrictions, share, tightest, totals } from "./keys/rows.js";
import { SystemKey } from "./keys/system.js";

const CHOICES = [["active", "Active"], ["expired", "Expired"], ["revoked", "Revoked"], ["all", "All"]];

export default function Keys({ api, go, query }) {
  const asked = useAsked((signal) => everyKey(api, signal), [], { every: 30 });
  const [start, dialogs] = useActing(api, asked.retry);
  const narrow = (change) => go("keys", { ...query, ...change }, { replace: true });
  const actions = html`<${Button} icon="refresh" onClick=${asked.retry}>Refresh<//>
    <${Button} kind="main" icon="plus" onClick=${() => start("new")}>New key<//>`;
  const none = html`<${Section}><${Empty} icon="keys" title="No key has been made yet">
    Give every application a key of its own instead of the system key. <//><//>`;
  return html`
    <${Page} wide title="API keys" intro="Virtual keys: each has its own limits, and can be revoked without touching the others." actions=${actions}>
      <${Loaded} asked=${asked} lines=${8} empty=${({ keys }) => !keys.length} none=${none}>${({ keys, more }) => html`
        <${Totals} keys=${keys} />
        <${Section}>
          <${List} keys=${keys} query=${query} narrow=${narrow} start=${start} />
          ${more && html`<p class="note">There are more keys than are shown here. Ask the admin API for all of them.</p>`}
        <//>`}<//>
      ${asked.data && html`<${SystemKey} api=${api} />`}
      ${dialogs}
    <//>`;
}

function Totals({ keys }) {
  const { active, requests, tokens, cost, low } = totals(keys);
  return html`
    <${Section}><div class="stats">
      <${Stat} label="Active keys" value=${format.number(active)} note=${`${format.number(keys.length)} in total`} />
      <${Stat} label="Requests" value=${format.number(requests)} note="of virtual keys, ever" />
      <${Stat} label="Tokens" value=${format.compact(tokens)} note="of virtual keys, ever" />
      <${Stat} label="Spend" value=${format.money(cost)} note="of virtual keys, ever" />
      <${Stat} label="Running low" value=${format.number(low)} note=${low ? html`<a href="#/balance">See the balance</a>` : "none at its first mark"} />
    </div><//>`;
}

function List({ keys, query, narrow, start }) {
  const { q, state = "active" } = query;
  const shown = useMemo(() => filtered(keys, { q, state: state === "all" ? "" : state }), [keys, q, state]);
  const columns = useMemo(() => COLUMNS(start), [start]);
  const none = html`<${Empty} icon="search" title="No key fits"><${Button} onClick=${() => narrow({ q: "", state: "all" })}>Show all<//><//>`;
  return html`
    <div class="bar">
      <${Field} label="Search" type="search" value=${q} onInput=${(text) => narrow({ q: text })} placeholder="name, owner, id …" autocomplete="off" spellcheck=${false} />
      <${Select} label="State" value=${state} onChange=${(next) => narrow({ state: next })} options=${CHOICES} />
    </div>
    <p class="dim small" role="status">${format.number(shown.length)} of ${format.number(keys.length)} keys</p>
    <div class="key-list"><${Table} label="API keys" columns=${columns} rows=${shown} keyOf=${(key) => key.id} onOpen=${(key) => start("show", key)}
      sort=${{ id: "name", down: false }} empty=${none} /></div>`;
}

function Used({ held }) {
  const meter = tightest(held);
  if (!meter) return html`<span class="dim">${format.number(held.usage.total_tokens)} tokens, no quota</span>`;
  return html`<${Meter} used=${meter.used} most=${meter.most} label=${`${meter.name} of ${held.name}`} text=${meter.text + meter.unit} />`;
}

const about = (key) => [...(key.allowed_models ?? []), ...(key.allowed_ips ?? [])].join(", ") || undefined;

const COLUMNS = (start) => [
  { id: "name", label: "Name", main: true, value: (key) => key.name,
    render: (key) => html`<span class="key-name"><strong>${key.name || key.id}</strong>
      <span class="dim small"><code>${key.masked}</code>${key.owner && ` · ${key.owner}`}</span></span>` },
  { id: "state", label: "State", value: (key) => key.state, render: (key) => html`<${State} held=${key} />` },
  { id: "used", label: "Used", value: (key) => (tightest(key) ? share(tightest(key)) : -1), render: (key) => html`<${Used} held=${key} />` },
  { id: "spend", label: "Spend", end: true, value: (key) => key.usage.cost_usd, render: (key) => format.money(key.usage.cost_usd) },
  { id: "rate", label: "Rate", render: (key) => html`<span class="key-rate" title=${rates(key)}>${rates(key)}</span>` },
  { id: "restrictions", label: "Restrictions", render: (key) => html`<span title=${about(key)}>${restrictions(key)}</span>` },
  { id: "expires", label: "Expires", value: (key) => key.expires_at,
    render: (key) => (key.expires_at ? html`<span title=${format.time(key.expires_at)}>${format.relative(key.expires_at)}</span>` : "never") },
  { id: "actions", label: "Actions", render: (key) => (key.state === "revoked" ? "" : html`<span class="row-actions">
    <${IconButton} icon="edit" label=${`Edit ${key.name}`} onClick=${() => start("edit", key)} />
    <${IconButton} icon="plus" label=${`Top up ${key.name}`} onClick=${() => start("topup", key)} />
    <${IconButton} icon="refresh" label=${`Rotate ${key.name}`} onClick=${() => start("rotate", key)} />
    <${IconButton} icon="trash" kind="danger" label=${`Revoke ${key.name}`} onClick=${() => start("revoke", key)} /></span>`) },
];
