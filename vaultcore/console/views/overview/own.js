// The overview of a virtual key: its usage, trend and remaining limits.

import { html, Loaded, Section, Stat, format, useFetch } from "../../ui/index.js";
import { RemainingLimits } from "../usage/own.js";
import { Days } from "./activity.js";

/** OwnOverview: api, children (shown beside the key's totals). */
export function OwnOverview({ api, children }) {
  const key = useFetch((signal) => api.get("v1/key", { signal }), [], { every: 30 });
  const days = useFetch((signal) => loadDays(api, signal), [], { every: 60 });
  return html`
    <div class="columns">
      ${children}
      <${Section} title="Your key"><${Loaded} result=${key}>${(account) => html`<${Sums} account=${account} />`}<//><//>
    </div>
    <div class="columns">
      <${Days} result=${days} />
      ${key.data ? html`<${RemainingLimits} account=${key.data} />` : html`<${Section} title="Remaining limits" />`}
    </div>`;
}

async function loadDays(api, signal) {
  const { data } = await api.get("v1/usage", { signal, query: { days: 14 } });
  return data.map((row) => ({ ...row, cost_usd: Number(row.cost_usd) }));
}

const Sums = ({ account: { usage, expires_at, balance_usd } }) => html`
  <div class="stats">
    <${Stat} label="Requests" value=${format.number(usage.requests)} note=${expires_at ? `expires ${format.relative(expires_at)}` : "never expires"} />
    <${Stat} label="Spend" value=${format.brief(usage.cost_usd)} title=${format.money(usage.cost_usd)}
      note=${balance_usd === null ? "no credit limit" : `${format.money(balance_usd)} left`} />
    <${Stat} label="Tokens" value=${format.compact(usage.total_tokens)} title=${format.number(usage.total_tokens)} />
  </div>`;
