// The latest requests that failed, each with a way to its row in the log.

import { html, Empty, Loaded, Section, format, useAsked } from "../../ui/index.js";
import { address } from "../../router.js";
import { Status } from "../logs/rows.js";

const MOST = 5;
const WEEK = 7 * 86_400_000;

/** Failures: api. */
export function Failures({ api }) {
  const asked = useAsked((signal) => latest(api, signal), [], { every: 30 });
  const none = html`<${Empty} icon="done" title="Nothing failed in the last seven days" />`;
  return html`
    <${Section} class="overview-failures" title="Latest failures" actions=${html`<a class="small" href=${address("logs", { status: "5xx", time: "7d" })}>Logs</a>`}>
      <${Loaded} asked=${asked} lines=${MOST} empty=${(rows) => !rows.length} none=${none}>${(rows) => html`
        <ul class="overview-list">${rows.map((row) => html`
          <li key=${row.id}>
            <${Status} ...${row} />
            <a class="clip" href=${address("logs", { id: row.id })}>${row.model || "no model"}</a>
            <time class="dim small" datetime=${row.ended_at} title=${format.time(row.ended_at)}>${format.relative(row.ended_at)}</time>
          </li>`)}</ul>`}<//>
    <//>`;
}

/** What was refused and what failed are asked for apart; the newest of both. */
async function latest(api, signal) {
  const from = new Date(Date.now() - WEEK).toISOString();
  const ask = (status) => api.get("admin/logs", { signal, query: { status, from, limit: MOST } });
  const pages = await Promise.all(["4xx", "5xx"].map(ask));
  return pages.flatMap(({ data }) => data).sort((a, b) => b.ended_at.localeCompare(a.ended_at)).slice(0, MOST);
}
