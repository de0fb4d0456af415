// What keys have left: those with a lasting limit, the one that is refused first at the top.

import { html, useMemo, useState, Button, Empty, Field, IconButton, Meter, Section, Table, Toggle, format } from "../../ui/index.js";
import { Refused } from "../keys/details.js";
import { filtered, left, leftText, low, meters, share } from "../keys/rows.js";

/** Left: keys, start(what, key), refresh(). */
export function Left({ keys, start, refresh }) {
  const [q, seek] = useState("");
  const [lowOnly, only] = useState(false);
  const active = useMemo(() => filtered(keys, { state: "active" }), [keys]);
  const limited = useMemo(() => active.filter((key) => meters(key).length), [active]);
  const shown = useMemo(() => filtered(limited, { q }).filter((key) => !lowOnly || low(key)), [limited, q, lowOnly]);
  const columns = useMemo(() => COLUMNS(start), [start]);
  const free = active.length - limited.length;
  const none = html`<${Empty} icon="balance" title=${limited.length ? "No key fits" : "No key has credits, a quota or a budget"}>
    ${limited.length ? "" : html`Give it some under <a href="#/keys">API keys</a>.`}<//>`;
  return html`
    <${Section} title="Keys" actions=${html`<${Button} small icon="refresh" aria-label="Refresh keys" onClick=${refresh}>Refresh<//>`}>
      <div class="bar balance-bar">
        <${Field} label="Search" type="search" value=${q} onInput=${seek} placeholder="name, owner, id …" autocomplete="off" spellcheck=${false} />
        <${Toggle} label="Only what runs low" checked=${lowOnly} onChange=${only} />
      </div>
      <p class="dim small" role="status">${format.number(shown.length)} of ${format.number(limited.length)} keys with a lasting limit${free
        ? `; ${format.number(free)} without one` : ""}</p>
      <div class="key-list balances"><${Table} label="Balances" columns=${columns} rows=${shown} keyOf=${(key) => key.id} onOpen=${(key) => start("show", key)}
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
  { id: "left", label: "Left", end: true, value: (key) => (key.refused.length ? left(key) - 1 : left(key)),
    render: (key) => html`<span class="key-left"><${Refused} held=${key} /> ${leftText(key)}</span>` },
  column("credits", "Credits"), column("tokens", "Tokens"), column("day", "Today (UTC)"), column("month", "This month (UTC)"),
  { id: "actions", label: "Actions", render: (key) => html`<span class="row-actions">
    <${Button} small onClick=${() => start("topup", key)} aria-label=${`Top up ${key.name}`}>Top up<//>
    <${IconButton} icon="edit" label=${`Edit ${key.name}`} onClick=${() => start("edit", key)} /></span>` },
];
