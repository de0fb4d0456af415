// What a virtual key has used itself, by day and in all, and what it has left.

import { html, Empty, Loaded, Meter, Page, Section, Stat, Tag, format, useAsked } from "../../ui/index.js";
import { OwnTrend } from "./own-trend.js";

/** Own: api, go, query. */
export function Own({ api, go, query }) {
  const asked = useAsked((signal) => api.get("v1/key", { signal }), [], { every: 15 });
  return html`
    <${Page} title="Usage" intro="What this key has used since it was made, what it has left, and its trend.">
      <${Loaded} asked=${asked} lines=${6}>${(key) => html`<${Totals} key="totals" told=${key} /><${Left} key="left" told=${key} />`}<//>
      <${OwnTrend} api=${api} go=${go} query=${query} />
    <//>`;
}

const Totals = ({ told }) => html`
  <${Section} title=${told.name} actions=${html`<span class="dim small">${told.expires_at ? `ends ${format.relative(told.expires_at)}` : "does not expire"}</span>`}>
    <div class="stats">
      <${Stat} label="Requests" value=${format.number(told.usage.requests)} />
      <${Stat} label="Spend" value=${format.money(told.usage.cost_usd)} note=${told.balance_usd === null ? "no credit limit" : `${format.money(told.balance_usd)} left`} />
      <${Stat} label="Tokens" value=${format.number(told.usage.total_tokens)}
        note=${`${format.number(told.usage.prompt_tokens)} in, ${format.number(told.usage.completion_tokens)} out`} />
    </div>
    ${told.allowed_models && html`<p class="dim small">It may use ${told.allowed_models.map((model) => html`<${Tag} key=${model}>${model}<//> `)}</p>`}
  <//>`;

const LIMITS = [
  ["credits_usd", "Credit", format.money], ["token_quota", "Token quota", format.number],
  ["budget_day_usd", "Budget of the day", format.money], ["budget_month_usd", "Budget of the month", format.money],
  ["rate_limit_rpm", "Requests in a minute", format.number], ["rate_limit_tpm", "Tokens in a minute", format.number],
];

/** Left: told (of `v1/key`). */
export function Left({ told }) {
  const set = LIMITS.filter(([name]) => told.limits[name] !== null);
  return html`
    <${Section} title="What is left">
      ${!set.length && html`<${Empty} icon="balance" title="No limits">This key may use as much as it wants.<//>`}
      <div class="own-limits">${set.map(([name, title, show]) => {
        const most = told.limits[name], left = told.remaining[name] ?? most;
        return html`<div key=${name}><h3>${title}</h3>
          <${Meter} label=${`${title} used`} used=${most - left} most=${most} text=${`${show(left)} of ${show(most)} left`} /></div>`;
      })}</div>
      ${told.limits.max_parallel !== null && html`<p class="dim small">At most ${format.number(told.limits.max_parallel)} requests at a time.</p>`}
    <//>`;
}
