// The trend of a virtual key's own use over days, and the same as a file.

import { html, Button, Empty, Loaded, Section, Select, useAsked } from "../../ui/index.js";
import { give } from "../logs/save.js";
import { METRICS } from "./metrics.js";
import { PERIODS } from "./period.js";
import { Trend } from "./trend.js";

const MOST = 90; // days that a key is told of
const CHOICES = PERIODS.filter(([days]) => days === "" || Number(days) <= MOST);
const COLUMNS = ["day", "requests", "failed", "prompt_tokens", "completion_tokens", "total_tokens", "cost_usd"];

/** OwnTrend: api, go, query. Days and what is counted stand in the address. */
export function OwnTrend({ api, go, query }) {
  const days = CHOICES.some(([id]) => id === query.days) ? query.days : "";
  const metric = Object.hasOwn(METRICS, query.metric ?? "") ? query.metric : "cost";
  const asked = useAsked((signal) => api.get("v1/usage", { query: { days: days || 30 }, signal }), [days], { every: 60 });
  const change = (more) => go("usage", { ...query, ...more }, { replace: true });
  const choice = html`<${Select} label="Days" hideLabel value=${days} options=${CHOICES} onChange=${(id) => change({ days: id })} />`;
  const actions = (rows) => html`${choice}
    <${Button} small icon="download" onClick=${() => give(file(rows), `usage-${rows[0].day}-${rows.at(-1).day}.csv`)}>Export CSV<//>`;
  return html`
    <${Loaded} asked=${asked} lines=${8}>${({ data }) => html`
      ${data.some((row) => row.requests) ? html`
        <${Trend} key="trend" report=${report(data)} by="day" metric=${metric} named=${{}} onMetric=${(id) => change({ metric: id })}
          actions=${actions(data)} />` : html`
      <${Section} key="none" title="Trend by day (UTC)" actions=${choice}><${Empty} icon="usage" title="Nothing was used in these days">
        What this key asks for appears here.<//><//>`}`}<//>`;
}

/** The days as the operator's report has them, of which nothing is told apart. */
function report(data) {
  const rows = data.map((row) => ({ ...row, cost_usd: Number(row.cost_usd) }));
  return { days: { first_day: data[0].day, last_day: data.at(-1).day, data: rows }, groups: { daily: [] } };
}

/** Days as CSV: numbers and dates only, so nothing in it has to be quoted. */
function file(rows) {
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((name) => row[name]))].map((cells) => cells.join(","));
  return new Blob([lines.join("\r\n"), "\r\n"], { type: "text/csv" });
}
