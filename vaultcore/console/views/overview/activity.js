// Usage of today and of the last two weeks, in UTC days as the gateway records them.

import { html, Chart, Empty, Loaded, Section, Stat, format } from "../../ui/index.js";
import { METRICS } from "../usage/metrics.js";
import { calendar, label, span } from "../usage/period.js";

const DAYS = 14;
const NOTHING = { requests: 0, failed: 0, cost_usd: 0, unpriced: 0, total_tokens: 0, average_ms: null };

/** Return the last days, oldest first, each with its totals. */
export async function recentDays(api, signal) {
  const { from, to } = span({ days: DAYS });
  const { data } = await api.get("admin/usage", { signal, query: { from, to, group_by: "day" } });
  const byDay = new Map(data.map((row) => [row.day, row]));
  return calendar(from, to).map((day) => ({ ...NOTHING, day, ...byDay.get(day) }));
}

/** Today: result (of `recentDays`). */
export const Today = ({ result }) => html`
  <${Section} title="Today (UTC)">
    <${Loaded} result=${result}>${(days) => {
      const today = days.at(-1);
      return html`
        <div class="stats">
          <${Stat} label="Requests" value=${format.number(today.requests)} note=${today.failed ? `${format.number(today.failed)} failed` : "none failed"} />
          <${Stat} label="Spend" value=${format.brief(today.cost_usd)} title=${format.money(today.cost_usd)}
            note=${today.unpriced ? `${format.number(today.unpriced)} without a price` : ""} />
          <${Stat} label="Tokens" value=${format.compact(today.total_tokens)} title=${format.number(today.total_tokens)}
            note=${today.requests ? `${format.duration(today.average_ms)} on average` : ""} />
        </div>`;
    }}<//>
  <//>`;

/** Days: result (days with totals). Shows spend, or requests if nothing had a cost. */
export function Days({ result }) {
  const hasCost = result.data?.some((row) => row.cost_usd > 0);
  const { title, of, show } = METRICS[hasCost ? "cost" : "requests"];
  const none = html`<${Empty} icon="usage" title="No requests in the last 14 days">Send one from the <a href="#/playground">playground</a> or with the sample code below.<//>`;
  return html`
    <${Section} class="overview-days" title=${result.data ? `${title}, last ${DAYS} days` : `Last ${DAYS} days`} actions=${html`<a class="small" href="#/usage">View usage</a>`}>
      <${Loaded} result=${result} lines=${5} empty=${(days) => days.every((row) => !row.requests)} none=${none}>${(days) => html`
        <${Chart} label=${`${title} by day`} labels=${days.map((row) => label(row.day))} height=${190} show=${show}
          series=${[{ name: title, values: days.map((row) => Number(of(row))) }]} />`}<//>
    <//>`;
}
