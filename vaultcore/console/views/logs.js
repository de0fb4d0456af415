// Logs: requests, newest first and live, with their attempts; the first refused ones of each key and day included.

import { html, useEffect, useMemo, useRef, useState, Button, ErrorNote, Loading, Page, Section, Table, Toggle, format, toast, useFetch } from "../ui/index.js";
import { address } from "../router.js";
import { validQuery } from "./logs/query.js";
import { Detail } from "./logs/detail.js";
import { NoRows, RefusalNote, isIncomplete } from "./logs/empty.js";
import { useFeed } from "./logs/feed.js";
import { Filters } from "./logs/filters.js";
import { useKeyNames } from "./logs/keys.js";
import { bounds, isReversed } from "./logs/period.js";
import { columns } from "./logs/rows.js";
import { save } from "./logs/save.js";

const MIN_ROWS = 20; // rows; fewer are not enough for percentiles

export default function Logs({ api, go, query: rawQuery }) {
  const [live, setLive] = useState(true);
  const [selected, setSelected] = useState(null);
  const frame = useRef(null);
  const named = useKeyNames(api);
  const usage = useFetch((signal) => api.get("admin/usage", { signal, query: { group_by: "model" } }));
  const models = (usage.data?.data ?? []).map((row) => row.model);
  const query = validQuery(rawQuery);
  const setQuery = (next) => go("logs", next, { replace: true });
  useEffect(() => {
    if (address("logs", query) !== address("logs", rawQuery)) setQuery(query);
  }, [JSON.stringify(rawQuery)]);
  const { time, from, to, ...others } = query;
  // the start of "the last hour" is fixed until the filters change, because pages continue by cursor
  const filters = useMemo(() => (isReversed(query) ? null : { ...others, ...bounds({ time, from, to }) }), [JSON.stringify(query)]);
  const isScrolled = () => (frame.current?.querySelector(".table")?.scrollTop ?? 0) > 8;
  const isLive = live && filters && !filters.to;
  const feed = useFeed(api, filters, { live: isLive, isScrolled });
  const filterBy = (next) => {
    setSelected(null);
    setQuery({ ...query, ...next });
  };
  const actions = html`
    <${Toggle} label="Live" checked=${live} onChange=${setLive} />
    <${Export} api=${api} query=${filters ?? {}} disabled=${!filters} />`;
  return html`
    <${Page} wide title="Logs" actions=${actions} intro="Requests of all keys: who made them, the result and the cost.">
      <${Section}><${Filters} query=${query} named=${named} models=${models} onChange=${setQuery} /><//>
      <${Section}>
        ${feed.rows?.length > 0 && isIncomplete(query, feed.rows) && html`<${RefusalNote} />`}
        <div class="log" ref=${frame} aria-busy=${feed.busy ? "true" : "false"}>
          ${feed.error && html`<${ErrorNote} error=${feed.error} retry=${feed.retry} />`}
          <${Summary} feed=${feed} live=${isLive && !feed.error} />
          ${feed.rows === null ? !feed.error && html`<${Loading} lines=${8} />` : html`
            <${Table} key=${JSON.stringify(query)} label="Requests" columns=${columns(named)} rows=${feed.rows} keyOf=${(row) => row.id}
              onOpen=${setSelected} onEnd=${feed.older} empty=${html`<${NoRows} query=${query} more=${feed.cursor} />`} />`}
          ${feed.rows && feed.cursor && html`<div class="actions log-older">
            <${Button} small busy=${feed.busy} disabled=${feed.full} onClick=${feed.older}>Load older requests<//></div>`}
        </div>
      <//>
      <${Detail} row=${selected} named=${named} api=${api} onClose=${() => setSelected(null)} onOnly=${filterBy} />
    <//>`;
}

/** The line above the table: the number of rows, and a button for new rows while the reader is scrolled down. */
function Summary({ feed, live }) {
  const count = feed.rows?.length ?? 0;
  const countText = feed.rows === null ? "\u00a0"
    : `${format.number(count)} ${count === 1 ? "request" : "requests"}${feed.full ? " (page limit; use filters to see older ones)" : feed.cursor ? ", scroll for older ones" : ""}`;
  const spread = useMemo(() => durations(feed.rows ?? []), [feed.rows]);
  return html`
    <div class="log-summary">
      <p class="dim small">${countText}${live ? " · updates live" : ""}${spread && ` · ${spread}`}</p>
      <span role="status">${feed.waiting.length > 0 && html`<${Button} small icon="up" onClick=${feed.show}>
        Show ${format.number(feed.waiting.length)} new<//>`}</span>
    </div>`;
}

/** Return the p50 and p95 duration of the loaded rows, without refused ones, or an empty string if there are too few. */
function durations(rows) {
  const all = rows.filter((row) => !row.refused).map((row) => row.ms).sort((a, b) => a - b);
  if (all.length < MIN_ROWS) return "";
  const at = (share) => format.duration(all[Math.ceil(all.length * share) - 1]);
  return `p50 ${at(0.5)} · p95 ${at(0.95)} (these rows)`;
}

function Export({ api, query, disabled }) {
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    await save(api, "admin/logs", { ...query, format: "csv" }, "logs.csv").catch((error) => toast(`Download failed: ${error.message}`, "bad"));
    setBusy(false);
  };
  return html`<${Button} icon="download" busy=${busy} disabled=${disabled} onClick=${run}>Export CSV<//>`;
}
