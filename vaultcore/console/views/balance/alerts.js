// Alerts: thresholds, destinations, and past alerts with their delivery state.

import { html, useState, Button, Empty, Loaded, Section, Table, Tag, format, toast, useFetch } from "../../ui/index.js";
import { LIMIT_NAMES } from "../keys/rows.js";
import { ThresholdsForm, formatThresholds } from "./thresholds.js";

/** Alerts: api, names (Map of key ids to names), changed() (thresholds were saved). */
export function Alerts({ api, names, changed }) {
  const result = useFetch(async (signal) => {
    const [alerts, config, limits] = await Promise.all([
      api.get("admin/alerts", { signal, query: { limit: 50 } }), api.get("admin/config", { signal }), api.get("admin/limits", { signal })]);
    return { rows: alerts.data, next: alerts.next_cursor, sinks: config.alerts, marks: limits.alert_marks };
  }, []);
  const [busy, setBusy] = useState(false);
  const [setting, setSetting] = useState(false);
  const save = async (marks, previous) => {
    const update = ({ alert_marks }) => result.set({ ...result.data, marks: alert_marks });
    try {
      update(await api.put("admin/limits/alerts", { alert_marks: marks, instead_of: previous }));
    } catch (error) {
      if (error.status === 409) update(await api.get("admin/limits"));
      throw error;
    }
    setSetting(false);
    changed();
    toast(marks.length ? `Alert thresholds: ${formatThresholds(marks)}` : "Alerts disabled", "good");
  };
  const older = async () => {
    setBusy(true);
    try {
      const { data, next_cursor } = await api.get("admin/alerts", { query: { limit: 50, cursor: result.data.next } });
      result.set({ ...result.data, rows: [...result.data.rows, ...data], next: next_cursor });
    } catch (error) {
      toast(`Could not load older alerts: ${error.message}`, "bad");
    }
    setBusy(false);
  };
  const none = html`<${Empty} icon="done" title="No alerts in the last 30 days" />`;
  const actions = html`
    ${result.data && html`<${Button} small icon="edit" onClick=${() => setSetting(true)}>Edit thresholds<//>`}
    <${Button} small icon="refresh" onClick=${result.retry} busy=${result.loading}>Refresh<//>`;
  return html`
    <${Section} title="Alerts" actions=${actions}>
      <${Loaded} result=${result}>${({ rows, next, sinks, marks }) => html`
        <p class="dim">${scheduleText(marks)}</p>
        <${Sinks} sinks=${sinks} />
        <div class="key-list"><${Table} label="Alerts" columns=${COLUMNS(names, hasSinks(sinks))} rows=${rows} keyOf=${(row) => row.id} empty=${none} /></div>
        ${next && html`<div class="actions"><${Button} onClick=${older} busy=${busy}>Load older alerts<//></div>`}
        ${setting && html`<${ThresholdsForm} thresholds=${marks} onSave=${save} onClose=${() => setSetting(false)} />`}`}<//>
    <//>`;
}

function scheduleText(thresholds) {
  if (!thresholds.length) return "Alerts are disabled: no thresholds are set.";
  const rejection = thresholds.includes(100) ? " A rejected request also creates an alert." : "";
  return `The gateway creates an alert when a key, an owner or the gateway has used ${formatThresholds(thresholds)} of its credits, token quota or budget.${rejection}`;
}

const hasSinks = (sinks) => Boolean(sinks.topic || sinks.webhook_host);

function Sinks({ sinks }) {
  if (!hasSinks(sinks)) {
    return html`<p class="note">Alerts are only listed here. Set <code>VAULTEDGE_ALERT_WEBHOOK</code> or <code>VAULTEDGE_ALERT_TOPIC</code> to receive them.</p>`;
  }
  const places = [sinks.webhook_host && `the webhook at ${sinks.webhook_host}`, sinks.topic && `the SNS topic ${sinks.topic}`].filter(Boolean);
  return html`<p>Alerts are sent to ${places.join(" and to ")}.</p>`;
}

const sum = (row, value) => (row.unit === "usd" ? format.money(value) : format.number(value));

const remaining = (row) => sum(row, Math.max(0, Number(row.most) - Number(row.used)));

function holderName(row, names) {
  if (row.level === "gateway") return "the gateway";
  return row.level === "key" ? names.get(row.name) ?? row.name : `owner ${row.name}`;
}

const COLUMNS = (names, notifies) => [
  { id: "name", label: "Applies to", main: true, value: (row) => holderName(row, names) },
  { id: "at", label: "When", value: (row) => row.at, render: (row) => html`<span title=${format.relative(row.at)}>${format.time(row.at)}</span>` },
  { id: "limit", label: "Limit", value: (row) => LIMIT_NAMES[row.limit] ?? row.limit },
  { id: "percent", label: "Used", value: (row) => row.percent, render: (row) => (row.refused
    ? html`<${Tag} kind="bad" title=${`A request was rejected at ${format.percent(row.percent / 100)} usage`}>rejected<//>`
    : html`<${Tag} kind=${row.percent >= 100 ? "bad" : "warn"}>${format.percent(row.percent / 100)}<//>`) },
  { id: "sum", label: "Amount", end: true, render: (row) => (row.refused ? `${remaining(row)} of ${sum(row, row.most)} left` : `${sum(row, row.used)} of ${sum(row, row.most)}`) },
  notifies && { id: "delivered", label: "Notified", value: (row) => row.delivered,
    render: (row) => (row.delivered ? format.time(row.delivered) : row.delivery?.failed ? "failed" : "pending") },
].filter(Boolean);
