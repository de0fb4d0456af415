// What was used today, and in the two weeks that end with today. Days are UTC's, as the gateway keeps them.

import { html, Chart, Empty, Loaded, Section, Stat, format } from "../../ui/index.js";
import { METRICS } from "../usage/metrics.js";
import { calendar, label, span } from "../usage/period.js";

const DAYS = 14;
const NOTHING = { requests: 0, failed: 0, cost_usd: 0, unpriced: 0, total_tokens: 0, average_ms: null };

/** The last days, oldest first, each with its sums. */
export async function lately(api, signal) {
  const { from, to } = span({ days: DAYS });
  const { data } = await api.get("admin/usage", { signal, query: { from, to, group_by: "day" } });
  const found = new Map(data.map((row) => [row.day, row]));
  return calendar(from, to).map((day) => ({ ...NOTHING, day, ...found.get(day) }));
}

/** Today: asked (of `lately`). */
export const Today = ({ asked }) => html`
  <${Section} title="Today (UTC)">
    <${Loaded} asked=${asked}>${(days) => {
      const today = days.at(-1);
      return html`
        <div class="stats">
          <${Stat} label="Requests" value=${format.number(today.requests)} note=${today.failed ? `${format.number(today.failed)} failed` : "none failed"} />
          <${Stat} label="Spend" value=${format.brief(today.cost_usd)} title=${format.money(today.cost_usd)}
            note=${today.unpriced ? `${format.number(today.unpriced)} without a known price` : ""} />
          <${Stat} label="Tokens" value=${format.compact(today.total_tokens)} title=${format.number(today.total_tokens)}
            note=${today.requests ? `${format.duration(today.average_ms)} on average` : ""} />
        </div>`;
    }}<//>
  <//>`;

/** Days: asked (of days with their sums). Spend, or requests where nothing has cost anything. */
export function Days({ asked }) {
  const spent = asked.data?.some((row) => row.cost_usd > 0);
  const { title, of, show } = METRICS[spent ? "cost" : "requests"];
  const none = html`<${Empty} icon="usage" title="No requests in two weeks">Send one from the <a href="#/playground">playground</a>, or with the code below.<//>`;
  return html`
    <${Section} class="overview-days" title=${asked.data ? `${title}, last ${DAYS} days` : `Last ${DAYS} days`} actions=${html`<a class="small" href="#/usage">Usage</a>`}>
      <${Loaded} asked=${asked} lines=${5} empty=${(days) => days.every((row) => !row.requests)} none=${none}>${(days) => html`
        <${Chart} label=${`${title} by day`} labels=${days.map((row) => label(row.day))} height=${190} show=${show}
          series=${[{ name: title, values: days.map((row) => Number(of(row))) }]} />`}<//>
    <//>`;
}
