// A virtual key's own usage per day, as a chart and as a CSV file, and its refused requests.

import { html, Button, Empty, Loaded, Section, Select, useFetch } from "../../ui/index.js";
import { saveBlob } from "../logs/save.js";
import { METRICS } from "./metrics.js";
import { PERIODS } from "./period.js";
import { OwnRefusals } from "./refusals.js";
import { Trend } from "./trend.js";

const MAX_DAYS = 90; // days that the API returns to a virtual key
const CHOICES = PERIODS.filter(([days]) => days === "" || Number(days) <= MAX_DAYS);
const COLUMNS = ["day", "requests", "failed", "prompt_tokens", "completion_tokens", "total_tokens", "cost_usd"];

/** OwnTrend: api, go, query. The period and the metric are in the address. */
export function OwnTrend({ api, go, query }) {
  const days = CHOICES.some(([id]) => id === query.days) ? query.days : "";
  const metric = Object.hasOwn(METRICS, query.metric ?? "") ? query.metric : "cost";
  const result = useFetch((signal) => api.get("v1/usage", { query: { days: days || 30 }, signal }), [days], { every: 60 });
  const change = (more) => go("usage", { ...query, ...more }, { replace: true });
  const choice = html`<${Select} label="Period" hideLabel value=${days} options=${CHOICES} onChange=${(id) => change({ days: id })} />`;
  const actions = (rows) => html`${choice}
    <${Button} small icon="download" onClick=${() => saveBlob(toCsv(rows), `usage-${rows[0].day}-${rows.at(-1).day}.csv`)}>Export CSV<//>`;
  return html`
    <${Loaded} result=${result} lines=${8}>${({ data, refusals, refused_requests: requests }) => html`
      ${data.some((row) => row.requests) ? html`
        <${Trend} key="trend" report=${toReport(data)} by="day" metric=${metric} named=${{}} onMetric=${(id) => change({ metric: id })}
          actions=${actions(data)} />` : html`
      <${Section} key="none" title="Trend by day (UTC)" actions=${choice}><${Empty} icon="usage" title="No usage in this period">
        Requests with this key appear here.<//><//>`}
      <${OwnRefusals} key="refusals" sums=${refusals} requests=${requests} />`}<//>`;
}

/** Return the days in the shape of the admin report, without groups. */
function toReport(data) {
  const rows = data.map((row) => ({ ...row, cost_usd: Number(row.cost_usd) }));
  return { days: { first_day: data[0].day, last_day: data.at(-1).day, data: rows }, groups: { daily: [] } };
}

/** Return the days as CSV. Values are numbers and dates, so no quoting is needed. */
function toCsv(rows) {
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((name) => row[name]))].map((cells) => cells.join(","));
  return new Blob([lines.join("\r\n"), "\r\n"], { type: "text/csv" });
}
