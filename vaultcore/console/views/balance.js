// Balance: remaining credits and quotas of every key, top-ups, limits of owners and the gateway, and alerts.

import { html, useMemo, Empty, Loaded, Page, Section, Stat, format, useFetch } from "../ui/index.js";
import { Alerts } from "./balance/alerts.js";
import { Balances } from "./balance/balances.js";
import { Levels } from "./balance/levels.js";
import { formatThresholds } from "./balance/thresholds.js";
import { useKeyActions } from "./keys/actions.js";
import { loadKeys } from "./keys/load.js";
import { filterKeys, isRunningLow, isUsedUp } from "./keys/rows.js";

export default function Balance({ api }) {
  const result = useFetch((signal) => loadKeys(api, signal), [], { every: 30 });
  const [start, dialogs] = useKeyActions(api, result.retry);
  const keys = result.data?.keys ?? [];
  const names = useMemo(() => new Map(keys.map((key) => [key.id, key.name])), [result.data]);
  const owners = useMemo(() => [...new Set(keys.map((key) => key.owner).filter(Boolean))].sort(), [result.data]);
  const none = html`<${Section}><${Empty} icon="balance" title="No keys yet"><a href="#/keys">Create a key</a> with credits or a quota.<//><//>`;
  return html`
    <${Page} wide title="Balance" intro="Remaining credits, quotas and budgets of keys, owners and the gateway, and past alerts.">
      <${Loaded} result=${result} lines=${6} empty=${({ keys: all }) => !all.length} none=${none}>${({ keys: all, thresholds }) => html`
        <${Totals} keys=${all} thresholds=${thresholds} />
        <${Balances} keys=${all} start=${start} refresh=${result.retry} />`}<//>
      <${Levels} api=${api} owners=${owners} />
      <${Alerts} api=${api} names=${names} changed=${result.retry} />
      ${dialogs}
    <//>`;
}

function Totals({ keys, thresholds }) {
  const active = filterKeys(keys, { state: "active" });
  const prepaid = active.filter((key) => key.credits_usd !== null);
  const sum = (pick) => prepaid.reduce((total, key) => total + pick(key), 0);
  const lowNote = thresholds.length ? `above ${formatThresholds(thresholds.slice(0, 1))} of a limit, or the key's own threshold` : "above the key's own threshold, or used up";
  return html`
    <${Section}><div class="stats">
      <${Stat} label="Remaining credits" value=${format.money(sum((key) => Math.max(0, key.balance_usd)))} note=${prepaid.length === 1 ? "on one key" : `on ${format.number(prepaid.length)} keys`} />
      <${Stat} label="Total credits" value=${format.money(sum((key) => key.credits_usd))} note="of active keys" />
      <${Stat} label="Running low" value=${format.number(active.filter(isRunningLow).length)} note=${lowNote} />
      <${Stat} label="Used up" value=${format.number(active.filter(isUsedUp).length)} note="requests fail until you top up" />
    </div><//>`;
}
