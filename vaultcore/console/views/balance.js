// Balance: what is left of every key's credits and quotas, topping up, what is limited together, and alerts.

import { html, useMemo, useState, Button, Empty, Field, IconButton, Loaded, Meter, Page, Section, Stat, Table, Toggle, format, useAsked } from "../ui/index.js";
import { Alerts } from "./balance/alerts.js";
import { Levels } from "./balance/levels.js";
import { useActing } from "./keys/acting.js";
import { everyKey, filtered, meters, share, tightest } from "./keys/rows.js";

export default function Balance({ api }) {
  const asked = useAsked((signal) => everyKey(api, signal), [], { every: 30 });
  const [start, dialogs] = useActing(api, asked.retry);
  const keys = asked.data?.keys ?? [];
  const names = useMemo(() => new Map(keys.map((key) => [key.id, key.name])), [asked.data]);
  const owners = useMemo(() => [...new Set(keys.map((key) => key.owner).filter(Boolean))].sort(), [asked.data]);
  const none = html`<${Section}><${Empty} icon="balance" title="No key has been made yet"><a href="#/keys">Make one</a> and give it credits or a quota.<//><//>`;
  return html`
    <${Page} wide title="Balance" intro="What keys, owners and the gateway have left, and what was said when it ran low.">
      <${Loaded} asked=${asked} lines=${6} empty=${({ keys: all }) => !all.length} none=${none}>${({ keys: all }) => html`
        <${Totals} keys=${all} />
        <${Left} keys=${all} start=${start} />`}<//>
      <${Levels} api=${api} owners=${owners} />
      <${Alerts} api=${api} names=${names} />
      ${dialogs}
    <//>`;
}

const live = (key) => key.state === "active";

function Totals({ keys }) {
  const active = keys.filter(live);
  const prepaid = active.filter((key) => key.credits_usd !== null);
  const sum = (pick) => prepaid.reduce((held, key) => held + pick(key), 0);
  const spent = active.filter((key) => meters(key).some((meter) => share(meter) >= 1)).length;
  const low = active.filter((key) => tightest(key) && share(tightest(key)) >= 0.8).length;
  return html`
    <${Section}><div class="stats">
      <${Stat} label="Credits left" value=${format.money(sum((key) => Math.max(0, key.balance_usd)))} note=${prepaid.length === 1 ? "on one key" : `on ${format.number(prepaid.length)} keys`} />
      <${Stat} label="Credits given" value=${format.money(sum((key) => key.credits_usd))} note="to active keys" />
      <${Stat} label="Running low" value=${format.number(low)} note="80 % of a limit or more" />
      <${Stat} label="Used up" value=${format.number(spent)} note="refused until topped up" />
    </div><//>`;
}

/** Active keys; those that will be refused first stand at the top. */
function Left({ keys, start }) {
  const [q, seek] = useState("");
  const [low, only] = useState(false);
  const active = useMemo(() => keys.filter((key) => live(key) && meters(key).length), [keys]);
  const free = keys.filter(live).length - active.length;
  const shown = useMemo(() => filtered(active, { q }).filter((key) => !low || share(tightest(key)) >= 0.8), [active, q, low]);
  const columns = useMemo(() => COLUMNS(start), [start]);
  const none = html`<${Empty} icon="balance" title=${active.length ? "No key fits" : "No key has credits, a quota or a budget"}>
    ${active.length ? "" : html`Give it some under <a href="#/keys">API keys</a>.`}<//>`;
  return html`
    <${Section} title="Keys">
      <div class="bar balance-bar">
        <${Field} label="Search" type="search" value=${q} onInput=${seek} placeholder="name, owner, id …" autocomplete="off" spellcheck=${false} />
        <${Toggle} label="Only what runs low" checked=${low} onChange=${only} />
      </div>
      <p class="dim small" role="status">${format.number(shown.length)} of ${format.number(active.length)} keys with a lasting limit${free
        ? `; ${format.number(free)} without one` : ""}</p>
      <div class="key-list balances"><${Table} label="Balances" columns=${columns} rows=${shown} keyOf=${(key) => key.id} onOpen=${(key) => start("show", key)}
        sort=${{ id: "first", down: true }} empty=${none} /></div>
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
  { id: "first", label: "Left", end: true, value: (key) => share(tightest(key)), render: (key) => format.percent(Math.max(0, 1 - share(tightest(key)))) },
  column("credits", "Credits"), column("tokens", "Tokens"), column("day", "Today"), column("month", "This month"),
  { id: "actions", label: "Actions", render: (key) => html`<span class="row-actions">
    <${Button} small onClick=${() => start("topup", key)} aria-label=${`Top up ${key.name}`}>Top up<//>
    <${IconButton} icon="edit" label=${`Edit ${key.name}`} onClick=${() => start("edit", key)} /></span>` },
];
