// Usage: what was used and what it cost, by day, model, key, provider and owner; for a virtual key, its own.

import { html, useState, Button, Empty, Field, Loaded, Page, Section, Select, Stat, format, toast, useAsked } from "../ui/index.js";
import { address } from "../router.js";
import { keyOptions, useKeyNames } from "./logs/keys.js";
import { save } from "./logs/save.js";
import { GROUPS, METRICS } from "./usage/metrics.js";
import { Own } from "./usage/own.js";
import { PERIODS, amiss, meaningful, span } from "./usage/period.js";
import { Ranking } from "./usage/ranking.js";
import { Trend } from "./usage/trend.js";

const SERIES = 7; // that the trend tells apart; an eighth is what is left

export default function Usage({ session, api, go, query }) {
  return session.role === "key" ? html`<${Own} api=${api} go=${go} query=${query} />` : html`<${All} api=${api} go=${go} query=${query} />`;
}

function All({ api, go, query: typed }) {
  const query = meaningful(typed);
  const named = useKeyNames(api);
  const by = GROUPS.some(([id]) => id === query.by) ? query.by : "model";
  const metric = Object.hasOwn(METRICS, query.metric ?? "") ? query.metric : "cost";
  const asked = { ...span(query), key: query.key, model: query.model, provider: query.provider, owner: query.owner };
  const wrong = amiss(query);
  const report = useAsked((signal) => (wrong ? null : reports(api, asked, by, signal)), [JSON.stringify(asked), by], { every: 60 });
  const change = (more) => go("usage", { ...query, ...more }, { replace: true });
  const logs = address("logs", { key: query.key, model: query.model, provider: query.provider, owner: query.owner });
  return html`
    <${Page} title="Usage" intro="Consumption in whole days (UTC). What failed cost nothing." actions=${html`<a href=${logs}>View in logs</a>`}>
      <${Section}><${Choice} query=${query} named=${named} onChange=${change} /><//>
      ${wrong ? html`<${Section}><${Empty} icon="usage" title="These days cannot be shown">Choose others.<//><//>` : html`
        <${Loaded} asked=${report} lines=${10} empty=${(found) => found.days.total.requests === 0} none=${html`<${None} />`}>${(found) => html`
          <${Totals} key="totals" total=${found.days.total} />
          <${Trend} key="trend" report=${found} by=${found.by} metric=${metric} named=${named} onMetric=${(id) => change({ metric: id })}
            actions=${html`<${Export} api=${api} query=${{ ...asked, group_by: "day" }}>Export days<//>`} />
          <${Ranking} key="ranking" report=${found} by=${found.by} metric=${metric} named=${named} onBy=${(id) => change({ by: id })}
            link=${(row) => address("usage", { ...query, [found.by]: row[found.by], by: NEXT[found.by] })}
            actions=${html`<${Export} api=${api} query=${{ ...asked, group_by: found.by }}>Export ${titled(found.by)}<//>`} />`}<//>`}
    <//>`;
}

const None = () => html`
  <${Section}><${Empty} icon="usage" title="Nothing was used in these days">Choose more days, or clear a filter.<//><//>`;
const NEXT = { model: "key", key: "model", provider: "model", owner: "key" }; // what one asks of a single one
const titled = (by) => GROUPS.find(([id]) => id === by)[1].toLowerCase();

/** The days' sums and those of the groups: two questions, one answer, so that what is shown fits together. */
async function reports(api, asked, by, signal) {
  const ask = (more) => api.get("admin/usage", { signal, query: { ...asked, ...more } });
  const [days, groups] = await Promise.all([ask({ group_by: "day" }), ask({ group_by: by, daily: SERIES })]);
  return { days, groups, by };
}

function Choice({ query, named, onChange }) {
  const keys = query.key && !named[query.key] ? [[query.key, query.key], ...keyOptions(named)] : keyOptions(named);
  return html`
    <div class="bar">
      <${Select} label="Days" value=${query.days ?? ""} options=${PERIODS} onChange=${(days) => onChange({ days, from: "", to: "" })} />
      ${query.days === "between" && html`
        <${Field} label="From" type="date" value=${query.from} onInput=${(from) => onChange({ from })} />
        <${Field} label="To" type="date" value=${query.to} error=${amiss(query)} onInput=${(to) => onChange({ to })} />`}
      <${Select} label="Key" value=${query.key ?? ""} options=${[["", "All"], ...keys]} onChange=${(key) => onChange({ key })} />
      ${["model", "provider", "owner"].map((name) => query[name] && html`
        <${Button} key=${name} icon="close" aria-label=${`Not only the ${name} ${query[name]}`} onClick=${() => onChange({ [name]: "" })}>
          ${query[name]}<//>`)}
    </div>`;
}

const Totals = ({ total }) => html`
  <${Section} title="Total">
    <div class="stats">
      <${Stat} label="Spend" value=${format.money(total.cost_usd)} note=${total.unpriced ? `${format.number(total.unpriced)} without a known price` : ""} />
      <${Stat} label="Requests" value=${format.number(total.requests)} note=${total.failed ? `${format.number(total.failed)} failed` : "none failed"} />
      <${Stat} label="Tokens" value=${format.compact(total.total_tokens)}
        note=${`${format.compact(total.prompt_tokens)} in, ${format.compact(total.completion_tokens)} out`} />
      <${Stat} label="Cached" value=${format.percent(total.prompt_tokens ? total.cached_tokens / total.prompt_tokens : 0)} note="of the prompts' tokens" />
      <${Stat} label="Average duration" value=${format.duration(total.average_ms)} note="of a request" />
    </div>
  <//>`;

function Export({ api, query, children }) {
  const [busy, become] = useState(false);
  const run = async () => {
    become(true);
    await save(api, "admin/usage", { ...query, format: "csv" }, "usage.csv").catch((error) => toast(`No download: ${error.message}`, "bad"));
    become(false);
  };
  return html`<${Button} small icon="download" busy=${busy} title="As a CSV file" onClick=${run}>${children}<//>`;
}
