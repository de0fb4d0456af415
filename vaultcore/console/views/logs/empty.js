// The empty states of the log: the reason, and where else to look.

import { html, Empty } from "../../ui/index.js";
import { isReversed } from "./period.js";

/** NoRows: query, more (older rows exist). */
export function NoRows({ query, more }) {
  if (isReversed(query)) return html`<${Empty} icon="logs" title="The end is not after the start">Choose a later end.<//>`;
  if (more) return html`<${Empty} icon="logs" title="No matching requests yet">Load older requests to continue.<//>`;
  const hasFilters = Object.values(query).some(Boolean);
  const showNote = query.key || query.owner || query.status?.startsWith("4");
  return hasFilters
    ? html`<${Empty} icon="logs" title="No matching requests">Choose a longer period, or clear a filter.${showNote && html`<${RejectedNote} />`}<//>`
    : html`<${Empty} icon="logs" title="No requests in the last 30 days">Send one from the <a href="#/playground">playground</a>.<${RejectedNote} /><//>`;
}

/** RejectedNote: explains which requests are not in the log by design. */
export const RejectedNote = () => html`
  <p class="small">Of the requests that the gateway itself refused (no credits, model not allowed, unknown model, limit reached), the log
    contains the first 20 of each key and day. Requests with an invalid key (401) or an invalid body (400) are not in the log. The gateway
    writes a line for each to its <a href="#/docs?page=monitoring">output</a>. See <a href="#/balance">alerts</a> for exhausted limits.</p>`;
