// A ranking of models, keys, providers or owners with their share of the total.

import { html, Empty, Section, Table, Tabs, format } from "../../ui/index.js";
import { GROUPS, METRICS, groupName } from "./metrics.js";

/** Ranking: report, by, metric, named, onBy(id), link(row): the address of a row's own usage, actions. */
export function Ranking({ report, by, metric, named, onBy, link, actions }) {
  const { of, title } = METRICS[metric];
  const total = of(report.groups.total);
  const rows = [...report.groups.data].sort((a, b) => of(b) - of(a) || b.requests - a.requests)
    .map((row, index) => ({ ...row, rank: index + 1, name: groupName(row, by, named), share: total > 0 ? of(row) / total : 0 }));
  return html`
    <${Section} title=${`Ranking by ${title.toLowerCase()}`} actions=${actions}>
      <${Tabs} label="Group by" tabs=${GROUPS} selected=${by} onSelect=${onBy}>
        <div class="usage-ranking"><${Table} key=${`${by} ${metric}`} label="Ranking" columns=${columns(by, link)} rows=${rows} keyOf=${(row) => row[by]}
          sort=${{ id: "rank", down: false }} empty=${html`<${Empty} icon="usage" title="No usage" />`} /></div>
      <//>
    <//>`;
}

const columns = (by, link) => [
  { id: "rank", label: "#", end: true, value: (row) => row.rank },
  { id: "name", label: "Name", main: true, value: (row) => row.name,
    render: (row) => html`<span class="usage-name" title=${row[by]}>${row[by] ? html`<a href=${link(row)}>${row.name}</a>` : row.name}</span>` },
  { id: "share", label: "Share", value: (row) => row.share, render: (row) => html`<${Share} share=${row.share} />` },
  { id: "requests", label: "Requests", end: true, value: (row) => row.requests, render: (row) => format.number(row.requests) },
  { id: "failed", label: "Failed", end: true, value: (row) => row.failed, render: (row) => format.number(row.failed) },
  { id: "tokens", label: "Tokens", end: true, value: (row) => row.total_tokens,
    render: (row) => html`<span title=${`${format.number(row.prompt_tokens)} in, ${format.number(row.completion_tokens)} out`}>${format.number(row.total_tokens)}</span>` },
  { id: "cost", label: "Spend", end: true, value: (row) => row.cost_usd,
    render: (row) => html`<span title=${row.unpriced ? `${format.number(row.unpriced)} without a price` : ""}>${format.money(row.cost_usd)}</span>` },
  { id: "duration", label: "Average", end: true, value: (row) => row.average_ms, render: (row) => html`<span title="Average duration of a request">${format.duration(row.average_ms)}</span>` },
];

/** Share: share (0 to 1). */
const Share = ({ share }) => html`
  <span class="share"><span class="share-track" aria-hidden="true"><span class="share-fill" style=${{ width: `${share * 100}%` }}></span></span>
    <span class="share-text">${format.percent(share, 1)}</span></span>`;
