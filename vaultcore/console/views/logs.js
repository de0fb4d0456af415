// Logs: every request that was let in, newest first and live, what came of it, and every attempt at it.

import { html, useEffect, useMemo, useRef, useState, Button, ErrorNote, Loading, Page, Section, Table, Toggle, format, toast, useAsked } from "../ui/index.js";
import { address } from "../router.js";
import { meaningful } from "./logs/asked.js";
import { Detail } from "./logs/detail.js";
import { Nothing, Refused } from "./logs/empty.js";
import { useFeed } from "./logs/feed.js";
import { Filters } from "./logs/filters.js";
import { useKeyNames } from "./logs/keys.js";
import { bounds, reversed } from "./logs/period.js";
import { columns } from "./logs/rows.js";
import { save } from "./logs/save.js";

const FEW = 20; // rows of which a middle says little

export default function Logs({ api, go, query: typed }) {
  const [live, follow] = useState(true);
  const [opened, open] = useState(null);
  const frame = useRef(null);
  const named = useKeyNames(api);
  const used = useAsked((signal) => api.get("admin/usage", { signal, query: { group_by: "model" } }));
  const models = (used.data?.data ?? []).map((row) => row.model);
  const query = meaningful(typed);
  const filter = (next) => go("logs", next, { replace: true });
  useEffect(() => {
    if (address("logs", query) !== address("logs", typed)) filter(query);
  }, [JSON.stringify(typed)]);
  const { time, from, to, ...others } = query;
  // the beginning of "the last hour" stays where it was until the filters change: pages go on by cursor
  const asked = useMemo(() => (reversed(query) ? null : { ...others, ...bounds({ time, from, to }) }), [JSON.stringify(query)]);
  const still = () => (frame.current?.querySelector(".table")?.scrollTop ?? 0) > 8;
  const follows = live && asked && !asked.to;
  const feed = useFeed(api, asked, { live: follows, still });
  const only = (next) => {
    open(null);
    filter({ ...query, ...next });
  };
  const actions = html`
    <${Toggle} label="Live" checked=${live} onChange=${follow} />
    <${Export} api=${api} query=${asked ?? {}} disabled=${!asked} />`;
  return html`
    <${Page} wide title="Logs" actions=${actions} intro="Every request that was let in: who, when, what came of it and what it cost.">
      <${Section}><${Filters} query=${query} named=${named} models=${models} onChange=${filter} /><//>
      <${Section}>
        ${query.status?.startsWith("4") && feed.rows?.length > 0 && html`<${Refused} />`}
        <div class="log" ref=${frame} aria-busy=${feed.busy ? "true" : "false"}>
          ${feed.error && html`<${ErrorNote} error=${feed.error} retry=${feed.retry} />`}
          <${Told} feed=${feed} live=${follows && !feed.error} />
          ${feed.rows === null ? !feed.error && html`<${Loading} lines=${8} />` : html`
            <${Table} key=${JSON.stringify(query)} label="Requests" columns=${columns(named)} rows=${feed.rows} keyOf=${(row) => row.id}
              onOpen=${open} onEnd=${feed.older} empty=${html`<${Nothing} query=${query} more=${feed.cursor} />`} />`}
          ${feed.rows && feed.cursor && html`<div class="actions log-older">
            <${Button} small busy=${feed.busy} disabled=${feed.full} onClick=${feed.older}>Load older requests<//></div>`}
        </div>
      <//>
      <${Detail} row=${opened} named=${named} api=${api} onClose=${() => open(null)} onOnly=${only} />
    <//>`;
}

/** The line above the table: how many are shown, and those that wait for whoever reads further down. */
function Told({ feed, live }) {
  const count = feed.rows?.length ?? 0;
  const said = feed.rows === null ? "\u00a0"
    : `${format.number(count)} ${count === 1 ? "request" : "requests"}${feed.full ? ", as many as this page holds; filter to see older ones" : feed.cursor ? ", older ones follow" : ""}`;
  const spread = useMemo(() => durations(feed.rows ?? []), [feed.rows]);
  return html`
    <div class="log-told">
      <p class="dim small">${said}${live ? " · new ones appear by themselves" : ""}${spread && ` · ${spread}`}</p>
      <span role="status">${feed.waiting.length > 0 && html`<${Button} small icon="up" onClick=${feed.show}>
        Show ${format.number(feed.waiting.length)} new<//>`}</span>
    </div>`;
}

/** How long the rows that are here took, in words; nothing of a few. */
function durations(rows) {
  if (rows.length < FEW) return "";
  const all = rows.map((row) => row.ms).sort((a, b) => a - b);
  const at = (share) => format.duration(all[Math.ceil(all.length * share) - 1]);
  return `of these, half took up to ${at(0.5)}, 95% up to ${at(0.95)}`;
}

function Export({ api, query, disabled }) {
  const [busy, become] = useState(false);
  const run = async () => {
    become(true);
    await save(api, "admin/logs", { ...query, format: "csv" }, "logs.csv").catch((error) => toast(`No download: ${error.message}`, "bad"));
    become(false);
  };
  return html`<${Button} icon="download" busy=${busy} disabled=${disabled} onClick=${run}>Export CSV<//>`;
}
