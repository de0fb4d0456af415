// Balance: what is left of every key's credits and quotas, topping up, what is limited together, and alerts.

import { html, useMemo, Empty, Loaded, Page, Section, Stat, format, useAsked } from "../ui/index.js";
import { Alerts } from "./balance/alerts.js";
import { Left } from "./balance/left.js";
import { Levels } from "./balance/levels.js";
import { spoken } from "./balance/marks.js";
import { useActing } from "./keys/acting.js";
import { everyKey } from "./keys/reading.js";
import { filtered, low, spent } from "./keys/rows.js";

export default function Balance({ api }) {
  const asked = useAsked((signal) => everyKey(api, signal), [], { every: 30 });
  const [start, dialogs] = useActing(api, asked.retry);
  const keys = asked.data?.keys ?? [];
  const names = useMemo(() => new Map(keys.map((key) => [key.id, key.name])), [asked.data]);
  const owners = useMemo(() => [...new Set(keys.map((key) => key.owner).filter(Boolean))].sort(), [asked.data]);
  const none = html`<${Section}><${Empty} icon="balance" title="No key has been made yet"><a href="#/keys">Make one</a> and give it credits or a quota.<//><//>`;
  return html`
    <${Page} wide title="Balance" intro="What keys, owners and the gateway have left, and what was said when it ran low.">
      <${Loaded} asked=${asked} lines=${6} empty=${({ keys: all }) => !all.length} none=${none}>${({ keys: all, marks }) => html`
        <${Totals} keys=${all} marks=${marks} />
        <${Left} keys=${all} start=${start} refresh=${asked.retry} />`}<//>
      <${Levels} api=${api} owners=${owners} />
      <${Alerts} api=${api} names=${names} changed=${asked.retry} />
      ${dialogs}
    <//>`;
}

function Totals({ keys, marks }) {
  const active = filtered(keys, { state: "active" });
  const prepaid = active.filter((key) => key.credits_usd !== null);
  const sum = (pick) => prepaid.reduce((held, key) => held + pick(key), 0);
  const first = marks.length ? `at ${spoken(marks.slice(0, 1))} of a limit, or a mark of their own` : "at a mark of their own, or used up";
  return html`
    <${Section}><div class="stats">
      <${Stat} label="Credits left" value=${format.money(sum((key) => Math.max(0, key.balance_usd)))} note=${prepaid.length === 1 ? "on one key" : `on ${format.number(prepaid.length)} keys`} />
      <${Stat} label="Credits given" value=${format.money(sum((key) => key.credits_usd))} note="to active keys" />
      <${Stat} label="Running low" value=${format.number(active.filter(low).length)} note=${first} />
      <${Stat} label="Used up" value=${format.number(active.filter(spent).length)} note="refused until topped up" />
    </div><//>`;
}
