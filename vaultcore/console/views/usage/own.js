// The usage page of a virtual key: totals, remaining limits and trend.

import { html, Empty, Loaded, Meter, Page, Section, Stat, Tag, format, useFetch } from "../../ui/index.js";
import { LIMITS } from "./limits.js";
import { OwnTrend } from "./own-trend.js";

/** OwnUsage: api, go, query. */
export function OwnUsage({ api, go, query }) {
  const result = useFetch((signal) => api.get("v1/key", { signal }), [], { every: 15 });
  return html`
    <${Page} title="Usage" intro="Usage of this key since it was created, and its remaining limits.">
      <${Loaded} result=${result} lines=${6}>${(key) => html`<${Totals} key="totals" account=${key} /><${RemainingLimits} key="left" account=${key} />`}<//>
      <${OwnTrend} api=${api} go=${go} query=${query} />
    <//>`;
}

const Totals = ({ account }) => html`
  <${Section} title=${account.name} actions=${html`<span class="dim small">${account.expires_at ? `expires ${format.relative(account.expires_at)}` : "never expires"}</span>`}>
    <div class="stats">
      <${Stat} label="Requests" value=${format.number(account.usage.requests)} />
      <${Stat} label="Spend" value=${format.brief(account.usage.cost_usd)} title=${format.money(account.usage.cost_usd)}
        note=${account.balance_usd === null ? "no credit limit" : `${format.money(account.balance_usd)} left`} />
      <${Stat} label="Tokens" value=${format.number(account.usage.total_tokens)}
        note=${`${format.number(account.usage.prompt_tokens)} in, ${format.number(account.usage.completion_tokens)} out`} />
    </div>
    ${account.allowed_models && html`<p class="dim small">Allowed models: ${account.allowed_models.map((model) => html`<${Tag} key=${model}>${model}<//> `)}</p>`}
  <//>`;

const METERED = LIMITS.filter(([name]) => name !== "max_parallel"); // the API returns no remaining concurrency

/** RemainingLimits: account (of `v1/key`). */
export function RemainingLimits({ account }) {
  const limits = METERED.filter(([name]) => account.limits[name] !== null);
  return html`
    <${Section} title="Remaining limits">
      ${!limits.length && html`<${Empty} icon="balance" title="No limits">This key has no limits.<//>`}
      <div class="own-limits">${limits.map(([name, title, show]) => {
        const most = account.limits[name], remaining = account.remaining[name] ?? most;
        return html`<div key=${name}><h3>${title}</h3>
          <${Meter} label=${`${title} used`} used=${most - remaining} most=${most} text=${`${show(remaining)} of ${show(most)} left`} /></div>`;
      })}</div>
      ${account.limits.max_parallel !== null && html`<p class="dim small">Concurrent requests: at most ${format.number(account.limits.max_parallel)}.</p>`}
    <//>`;
}
