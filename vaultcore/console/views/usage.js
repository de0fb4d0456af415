// Usage: consumption and cost by day, model, key, provider and owner; for a virtual key, its own.

import { html, useState, Button, Empty, Field, Loaded, Page, Section, Select, Stat, format, toast, useFetch } from "../ui/index.js";
import { address } from "../router.js";
import { keyOptions, useKeyNames } from "./logs/keys.js";
import { save } from "./logs/save.js";
import { GROUPS, METRICS } from "./usage/metrics.js";
import { OwnUsage } from "./usage/own.js";
import { PERIODS, periodError, validQuery, span } from "./usage/period.js";
import { Ranking } from "./usage/ranking.js";
import { Refusals } from "./usage/refusals.js";
import { Trend } from "./usage/trend.js";

const MAX_SERIES = 7; // series in the trend; the rest is summed up as "others"

export default function Usage({ session, api, go, query }) {
  return session.role === "key" ? html`<${OwnUsage} api=${api} go=${go} query=${query} />` : html`<${AdminUsage} api=${api} go=${go} query=${query} />`;
}

function AdminUsage({ api, go, query: rawQuery }) {
  const query = validQuery(rawQuery);
  const named = useKeyNames(api);
  const by = GROUPS.some(([id]) => id === query.by) ? query.by : "model";
  const metric = Object.hasOwn(METRICS, query.metric ?? "") ? query.metric : "cost";
  const filters = { ...span(query), key: query.key, model: query.model, provider: query.provider, owner: query.owner };
  const invalid = periodError(query);
  const report = useFetch((signal) => (invalid ? null : loadReport(api, filters, by, signal)), [JSON.stringify(filters), by], { every: 60 });
  const change = (more) => go("usage", { ...query, ...more }, { replace: true });
  const logs = address("logs", { key: query.key, model: query.model, provider: query.provider, owner: query.owner });
  return html`
    <${Page} title="Usage" intro="Consumption and cost per day (UTC). Failed requests cost nothing." actions=${html`<a href=${logs}>View in logs</a>`}>
      <${Section}><${Filters} query=${query} named=${named} onChange=${change} /><//>
      ${invalid ? html`<${Section}><${Empty} icon="usage" title="Invalid period">Choose another period.<//><//>` : html`
        <${Loaded} result=${report} lines=${10}>${(data) => html`
          ${data.days.total.requests === 0 ? html`<${NoUsage} key="none" />` : html`
          <${Totals} key="totals" total=${data.days.total} />
          <${Trend} key="trend" report=${data} by=${data.by} metric=${metric} named=${named} onMetric=${(id) => change({ metric: id })}
            actions=${html`<${Export} api=${api} query=${{ ...filters, group_by: "day" }}>Export by day<//>`} />
          <${Ranking} key="ranking" report=${data} by=${data.by} metric=${metric} named=${named} onBy=${(id) => change({ by: id })}
            link=${(row) => address("usage", { ...query, [data.by]: row[data.by], by: NEXT[data.by] })}
            actions=${html`<${Export} api=${api} query=${{ ...filters, group_by: data.by }}>Export ${groupTitle(data.by)}<//>`} />`}
          ${data.refusals && html`<${Refusals} key="refusals" report=${data.refusals} named=${named} hasFilters=${query.key || query.model || query.owner} />`}`}<//>`}
    <//>`;
}

const NoUsage = () => html`
  <${Section}><${Empty} icon="usage" title="No usage in this period">Choose a longer period, or clear a filter.<//><//>`;
const NEXT = { model: "key", key: "model", provider: "model", owner: "key" }; // the grouping after a click on a name
const groupTitle = (by) => GROUPS.find(([id]) => id === by)[1].toLowerCase();

/** Load the totals per day and per group and the refusals together, so that all show the same state. Refusals have no provider. */
async function loadReport(api, filters, by, signal) {
  const load = (more) => api.get("admin/usage", { signal, query: { ...filters, ...more } });
  const { provider, ...others } = filters;
  const [days, groups, refusals] = await Promise.all([load({ group_by: "day" }), load({ group_by: by, daily: MAX_SERIES }),
    provider ? null : api.get("admin/refusals", { signal, query: others })]);
  return { days, groups, refusals, by };
}

function Filters({ query, named, onChange }) {
  const keys = query.key && !named[query.key] ? [[query.key, query.key], ...keyOptions(named)] : keyOptions(named);
  return html`
    <div class="bar">
      <${Select} label="Period" value=${query.days ?? ""} options=${PERIODS} onChange=${(days) => onChange({ days, from: "", to: "" })} />
      ${query.days === "between" && html`
        <${Field} label="From" type="date" value=${query.from} onInput=${(from) => onChange({ from })} />
        <${Field} label="To" type="date" value=${query.to} error=${periodError(query)} onInput=${(to) => onChange({ to })} />`}
      <${Select} label="Key" value=${query.key ?? ""} options=${[["", "All"], ...keys]} onChange=${(key) => onChange({ key })} />
      ${["model", "provider", "owner"].map((name) => query[name] && html`
        <${Button} key=${name} icon="close" aria-label=${`Remove filter: ${name} ${query[name]}`} onClick=${() => onChange({ [name]: "" })}>
          ${query[name]}<//>`)}
    </div>`;
}

const Totals = ({ total }) => html`
  <${Section} title="Total">
    <div class="stats">
      <${Stat} label="Spend" value=${format.money(total.cost_usd)} note=${total.unpriced ? `${format.number(total.unpriced)} without a price` : ""} />
      <${Stat} label="Requests" value=${format.number(total.requests)} note=${total.failed ? `${format.number(total.failed)} failed` : "none failed"} />
      <${Stat} label="Tokens" value=${format.compact(total.total_tokens)}
        note=${`${format.compact(total.prompt_tokens)} in, ${format.compact(total.completion_tokens)} out`} />
      <${Stat} label="Cached" value=${format.percent(total.prompt_tokens ? total.cached_tokens / total.prompt_tokens : 0)} note="of prompt tokens" />
      <${Stat} label="Average duration" value=${format.duration(total.average_ms)} note="per request" />
    </div>
  <//>`;

function Export({ api, query, children }) {
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    await save(api, "admin/usage", { ...query, format: "csv" }, "usage.csv").catch((error) => toast(`Download failed: ${error.message}`, "bad"));
    setBusy(false);
  };
  return html`<${Button} small icon="download" busy=${busy} title="Download as CSV" onClick=${run}>${children}<//>`;
}
