// Remaining credits, quotas and budgets of keys; the key that runs out first is at the top.

import { html, useMemo, useState, Button, Empty, Field, IconButton, Meter, Section, Table, Toggle, format } from "../../ui/index.js";
import { LimitReached } from "../keys/details.js";
import { filterKeys, remainingShare, remainingText, isRunningLow, meters, share } from "../keys/rows.js";

/** Balances: keys, start(what, key), refresh(). */
export function Balances({ keys, start, refresh }) {
  const [search, setSearch] = useState("");
  const [lowOnly, setLowOnly] = useState(false);
  const active = useMemo(() => filterKeys(keys, { state: "active" }), [keys]);
  const limited = useMemo(() => active.filter((key) => meters(key).length), [active]);
  const visible = useMemo(() => filterKeys(limited, { q: search }).filter((key) => !lowOnly || isRunningLow(key)), [limited, search, lowOnly]);
  const columns = useMemo(() => COLUMNS(start), [start]);
  const unlimitedCount = active.length - limited.length;
  const none = html`<${Empty} icon="balance" title=${limited.length ? "No matching keys" : "No key has credits, a quota or a budget"}>
    ${limited.length ? "" : html`Add limits on <a href="#/keys">API keys</a>.`}<//>`;
  return html`
    <${Section} title="Keys" actions=${html`<${Button} small icon="refresh" aria-label="Refresh keys" onClick=${refresh}>Refresh<//>`}>
      <div class="bar balance-bar">
        <${Field} label="Search" type="search" value=${search} onInput=${setSearch} placeholder="name, owner, id …" autocomplete="off" spellcheck=${false} />
        <${Toggle} label="Running low only" checked=${lowOnly} onChange=${setLowOnly} />
      </div>
      <p class="dim small" role="status">${format.number(visible.length)} of ${format.number(limited.length)} keys with a quota, credits or a budget${unlimitedCount
        ? `; ${format.number(unlimitedCount)} without` : ""}</p>
      <div class="key-list balances"><${Table} label="Balances" columns=${columns} rows=${visible} keyOf=${(key) => key.id} onOpen=${(key) => start("show", key)}
        sort=${{ id: "left", down: false }} empty=${none} /></div>
    <//>`;
}

const meterOf = (key, id) => meters(key).find((meter) => meter.id === id);

function column(id, label) {
  return { id, label, value: (key) => (meterOf(key, id) ? share(meterOf(key, id)) : -1), render: (key) => {
    const meter = meterOf(key, id);
    return meter ? html`<${Meter} used=${meter.used} most=${meter.most} label=${`${label} of ${key.name}`} text=${meter.text} />` : html`<span class="dim">no limit</span>`;
  } };
}

const COLUMNS = (start) => [
  { id: "name", label: "Name", main: true, value: (key) => key.name,
    render: (key) => html`<span class="key-name"><strong>${key.name || key.id}</strong><span class="dim small">${key.owner ?? key.masked}</span></span>` },
  { id: "left", label: "Left", end: true, value: (key) => (key.refused.length ? remainingShare(key) - 1 : remainingShare(key)),
    render: (key) => html`<span class="key-remaining"><${LimitReached} virtualKey=${key} /> ${remainingText(key)}</span>` },
  column("credits", "Credits"), column("tokens", "Tokens"), column("day", "Today (UTC)"), column("month", "This month (UTC)"),
  { id: "actions", label: "Actions", render: (key) => html`<span class="row-actions">
    <${Button} small onClick=${() => start("topup", key)} aria-label=${`Top up ${key.name}`}>Top up<//>
    <${IconButton} icon="edit" label=${`Edit ${key.name}`} onClick=${() => start("edit", key)} /></span>` },
];
