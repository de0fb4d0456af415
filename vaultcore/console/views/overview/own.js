// What a virtual key sees of itself: its use, its trend, and what is left of its limits.

import { html, Loaded, Section, Stat, format, useAsked } from "../../ui/index.js";
import { Left } from "../usage/own.js";
import { Days } from "./lately.js";

/** Own: api, children (stands beside the key's sums). */
export function Own({ api, children }) {
  const key = useAsked((signal) => api.get("v1/key", { signal }), [], { every: 30 });
  const days = useAsked((signal) => own(api, signal), [], { every: 60 });
  return html`
    <div class="columns">
      ${children}
      <${Section} title="Your key"><${Loaded} asked=${key}>${(told) => html`<${Sums} told=${told} />`}<//><//>
    </div>
    <div class="columns">
      <${Days} asked=${days} />
      ${key.data ? html`<${Left} told=${key.data} />` : html`<${Section} title="What is left" />`}
    </div>`;
}

async function own(api, signal) {
  const { data } = await api.get("v1/usage", { signal, query: { days: 14 } });
  return data.map((row) => ({ ...row, cost_usd: Number(row.cost_usd) }));
}

const Sums = ({ told: { usage, expires_at, balance_usd } }) => html`
  <div class="stats">
    <${Stat} label="Requests" value=${format.number(usage.requests)} note=${expires_at ? `ends ${format.relative(expires_at)}` : "does not expire"} />
    <${Stat} label="Spend" value=${format.brief(usage.cost_usd)} title=${format.money(usage.cost_usd)}
      note=${balance_usd === null ? "no credit limit" : `${format.money(balance_usd)} left`} />
    <${Stat} label="Tokens" value=${format.compact(usage.total_tokens)} title=${format.number(usage.total_tokens)} />
  </div>`;
