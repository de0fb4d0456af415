// Alerts: which limits were reached, what has become of telling somebody, and where alerts go.

import { html, useState, Button, Empty, Loaded, Section, Table, Tag, format, toast, useAsked } from "../../ui/index.js";

const LIMITS = { tokens: "token quota", credits: "credits", day: "budget of the day", month: "budget of the month" };

/** Alerts: api, names (Map of key ids to names). */
export function Alerts({ api, names }) {
  const asked = useAsked(async (signal) => {
    const [alerts, config] = await Promise.all([
      api.get("admin/alerts", { signal, query: { limit: 50 } }), api.get("admin/config", { signal })]);
    return { rows: alerts.data, next: alerts.next_cursor, sinks: config.alerts };
  }, []);
  const [busy, wait] = useState(false);
  const older = async () => {
    wait(true);
    try {
      const { data, next_cursor } = await api.get("admin/alerts", { query: { limit: 50, cursor: asked.data.next } });
      asked.set({ ...asked.data, rows: [...asked.data.rows, ...data], next: next_cursor });
    } catch (error) {
      toast(`Older alerts: ${error.message}`, "bad");
    }
    wait(false);
  };
  const none = html`<${Empty} icon="done" title="No limit has been reached in the last 30 days" />`;
  return html`
    <${Section} title="Alerts" actions=${html`<${Button} small icon="refresh" onClick=${asked.retry} busy=${asked.loading}>Refresh<//>`}>
      <p class="dim">There is an alert when 80 % and when 100 % of a token quota, of credits or of a budget are used: of a key, of an owner, of the gateway.</p>
      <${Loaded} asked=${asked}>${({ rows, next, sinks }) => html`
        <${Sinks} of=${sinks} />
        <div class="key-list"><${Table} label="Alerts" columns=${COLUMNS(names, told(sinks))} rows=${rows} keyOf=${(row) => row.id} empty=${none} /></div>
        ${next && html`<div class="actions"><${Button} onClick=${older} busy=${busy}>Older<//></div>`}`}<//>
    <//>`;
}

const told = (sinks) => Boolean(sinks.topic || sinks.webhook_host);

function Sinks({ of }) {
  if (!told(of)) {
    return html`<p class="note">Alerts are only listed here. Set <code>VAULTEDGE_ALERT_WEBHOOK</code> or <code>VAULTEDGE_ALERT_TOPIC</code> to be told.</p>`;
  }
  const places = [of.webhook_host && `the webhook at ${of.webhook_host}`, of.topic && `the SNS topic ${of.topic}`].filter(Boolean);
  return html`<p>They go to ${places.join(" and to ")}.</p>`;
}

const sum = (row, value) => (row.unit === "usd" ? format.money(value) : format.number(value));

function whose(row, names) {
  if (row.level === "gateway") return "the gateway";
  return row.level === "key" ? names.get(row.name) ?? row.name : `owner ${row.name}`;
}

const COLUMNS = (names, anybody) => [
  { id: "name", label: "Whose", main: true, value: (row) => whose(row, names) },
  { id: "at", label: "When", value: (row) => row.at, render: (row) => html`<span title=${format.relative(row.at)}>${format.time(row.at)}</span>` },
  { id: "limit", label: "Limit", value: (row) => LIMITS[row.limit] ?? row.limit },
  { id: "percent", label: "Used", value: (row) => row.percent, render: (row) => html`<${Tag} kind=${row.percent >= 100 ? "bad" : "warn"}>${row.percent} %<//>` },
  { id: "sum", label: "That was", end: true, render: (row) => `${sum(row, row.used)} of ${sum(row, row.most)}` },
  anybody && { id: "delivered", label: "Told", value: (row) => row.delivered,
    render: (row) => (row.delivered ? format.time(row.delivered) : row.delivery?.failed ? "given up" : "on its way") },
].filter(Boolean);
