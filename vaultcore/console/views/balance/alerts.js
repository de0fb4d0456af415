// Alerts: at which marks there are any, which limits were reached, what has become of telling somebody, and where they go.

import { html, useState, Button, Empty, Loaded, Section, Table, Tag, format, toast, useAsked } from "../../ui/index.js";
import { LIMIT_NAMES } from "../keys/rows.js";
import { MarksForm, spoken } from "./marks.js";

/** Alerts: api, names (Map of key ids to names), changed() after other marks are set. */
export function Alerts({ api, names, changed }) {
  const asked = useAsked(async (signal) => {
    const [alerts, config, limits] = await Promise.all([
      api.get("admin/alerts", { signal, query: { limit: 50 } }), api.get("admin/config", { signal }), api.get("admin/limits", { signal })]);
    return { rows: alerts.data, next: alerts.next_cursor, sinks: config.alerts, marks: limits.alert_marks };
  }, []);
  const [busy, wait] = useState(false);
  const [setting, set] = useState(false);
  const save = async (marks, insteadOf) => {
    const known = ({ alert_marks }) => asked.set({ ...asked.data, marks: alert_marks });
    try {
      known(await api.put("admin/limits/alerts", { alert_marks: marks, instead_of: insteadOf }));
    } catch (error) {
      if (error.status === 409) known(await api.get("admin/limits"));
      throw error;
    }
    set(false);
    changed();
    toast(marks.length ? `Alerts are at ${spoken(marks)} now` : "There are no alerts any more", "good");
  };
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
  const actions = html`
    ${asked.data && html`<${Button} small icon="edit" onClick=${() => set(true)}>Set marks<//>`}
    <${Button} small icon="refresh" onClick=${asked.retry} busy=${asked.loading}>Refresh<//>`;
  return html`
    <${Section} title="Alerts" actions=${actions}>
      <${Loaded} asked=${asked}>${({ rows, next, sinks, marks }) => html`
        <p class="dim">${when(marks)}</p>
        <${Sinks} of=${sinks} />
        <div class="key-list"><${Table} label="Alerts" columns=${COLUMNS(names, told(sinks))} rows=${rows} keyOf=${(row) => row.id} empty=${none} /></div>
        ${next && html`<div class="actions"><${Button} onClick=${older} busy=${busy}>Older<//></div>`}
        ${setting && html`<${MarksForm} marks=${marks} onSave=${save} onClose=${() => set(false)} />`}`}<//>
    <//>`;
}

function when(marks) {
  if (!marks.length) return "There are no alerts: no marks are set, and nobody is told when a limit runs low.";
  const refused = marks.includes(100) ? "; and one when a request is refused because too little is left" : "";
  return `There is an alert when ${spoken(marks)} of a token quota, of credits or of a budget are used, of a key, an owner or the gateway${refused}.`;
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

const left = (row) => sum(row, Math.max(0, Number(row.most) - Number(row.used)));

function whose(row, names) {
  if (row.level === "gateway") return "the gateway";
  return row.level === "key" ? names.get(row.name) ?? row.name : `owner ${row.name}`;
}

const COLUMNS = (names, anybody) => [
  { id: "name", label: "Whose", main: true, value: (row) => whose(row, names) },
  { id: "at", label: "When", value: (row) => row.at, render: (row) => html`<span title=${format.relative(row.at)}>${format.time(row.at)}</span>` },
  { id: "limit", label: "Limit", value: (row) => LIMIT_NAMES[row.limit] ?? row.limit },
  { id: "percent", label: "Used", value: (row) => row.percent, render: (row) => (row.refused
    ? html`<${Tag} kind="bad" title=${`A request was refused with ${format.percent(row.percent / 100)} used`}>refused<//>`
    : html`<${Tag} kind=${row.percent >= 100 ? "bad" : "warn"}>${format.percent(row.percent / 100)}<//>`) },
  { id: "sum", label: "Use", end: true, render: (row) => (row.refused ? `${left(row)} of ${sum(row, row.most)} left` : `${sum(row, row.used)} of ${sum(row, row.most)}`) },
  anybody && { id: "delivered", label: "Notified", value: (row) => row.delivered,
    render: (row) => (row.delivered ? format.time(row.delivered) : row.delivery?.failed ? "given up" : "on its way") },
].filter(Boolean);
