// The latest failed requests, without those that the gateway itself refused, each with a link to its log entry.

import { html, Empty, Loaded, Section, format, useFetch } from "../../ui/index.js";
import { address } from "../../router.js";
import { Status } from "../logs/rows.js";

const MAX_ROWS = 5;
const WEEK = 7 * 86_400_000; // milliseconds

/** Failures: api. */
export function Failures({ api }) {
  const result = useFetch((signal) => loadFailures(api, signal), [], { every: 30 });
  const none = html`<${Empty} icon="done" title="No failures in the last 7 days" />`;
  return html`
    <${Section} class="overview-failures" title="Recent failures" actions=${html`<a class="small" href=${address("logs", { status: "5xx", time: "7d" })}>View logs</a>`}>
      <${Loaded} result=${result} lines=${MAX_ROWS} empty=${(rows) => !rows.length} none=${none}>${(rows) => html`
        <ul class="overview-list">${rows.map((row) => html`
          <li key=${row.id}>
            <${Status} ...${row} />
            <a class="clip" href=${address("logs", { id: row.id })}>${row.model || "no model"}</a>
            <time class="dim small" datetime=${row.ended_at} title=${format.time(row.ended_at)}>${format.relative(row.ended_at)}</time>
          </li>`)}</ul>`}<//>
    <//>`;
}

/** Return the newest failures. 4xx and 5xx are two requests, because the API filters by one status class. */
async function loadFailures(api, signal) {
  const from = new Date(Date.now() - WEEK).toISOString();
  const load = (status) => api.get("admin/logs", { signal, query: { status, from, refused: false, limit: MAX_ROWS } });
  const pages = await Promise.all(["4xx", "5xx"].map(load));
  return pages.flatMap(({ data }) => data).sort((a, b) => b.ended_at.localeCompare(a.ended_at)).slice(0, MAX_ROWS);
}
