// The empty states of the log, and the note about requests that it does not contain.

import { html, Empty } from "../../ui/index.js";
import { isReversed } from "./period.js";

const isRefusal = ({ status }) => status?.startsWith("4"); // of a query

/** NoRows: query, more (older rows exist). */
export function NoRows({ query, more }) {
  if (isReversed(query)) return html`<${Empty} icon="logs" title="The end is not after the start">Choose a later end.<//>`;
  if (more) return html`<${Empty} icon="logs" title="No matching requests yet">Load older requests to continue.<//>`;
  const hasFilters = Object.values(query).some(Boolean);
  const showNote = query.key || query.owner || isRefusal(query);
  return hasFilters
    ? html`<${Empty} icon="logs" title="No matching requests">Choose a longer period, or clear a filter.${showNote && html`<${RefusalNote} />`}<//>`
    : html`<${Empty} icon="logs" title="No requests in the last 30 days">Send one from the <a href="#/playground">playground</a>.<${RefusalNote} /><//>`;
}

/** Return true if a reader may miss requests: those with an error of the client, or of a key or owner with refused ones. */
export const isIncomplete = (query, rows) => isRefusal(query) || Boolean((query.key || query.owner) && rows.some((row) => row.refused));

/** RefusalNote: explains which refused requests are not in the log. */
export const RefusalNote = () => html`
  <p class="small">Of the requests that the gateway itself refused (no credits, model not allowed, unknown model, limit reached), the log
    contains the first 20 of each key and day; <a href="#/usage">usage</a> counts all of them. Requests with an invalid key (401) or an
    invalid body (400) are not in the log. The gateway writes a line for each to its <a href="#/docs?page=monitoring">output</a>.
    See <a href="#/balance">alerts</a> for exhausted limits.</p>`;
