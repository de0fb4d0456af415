// What is said where no request is shown: why, and where else to look.

import { html, Empty } from "../../ui/index.js";
import { reversed } from "./period.js";

/** Nothing: query, more (there are rows further back). */
export function Nothing({ query, more }) {
  if (reversed(query)) return html`<${Empty} icon="logs" title="The end is not after the beginning">Choose a later end.<//>`;
  if (more) return html`<${Empty} icon="logs" title="Nothing found yet">There is more further back.<//>`;
  const some = Object.values(query).some(Boolean);
  const asks = query.key || query.owner || query.status?.startsWith("4");
  return some
    ? html`<${Empty} icon="logs" title="No request fits">Choose a longer time, or clear a filter.${asks && html`<${Refused} />`}<//>`
    : html`<${Empty} icon="logs" title="No requests in the last 30 days">Send one from the <a href="#/playground">playground</a>.<${Refused} /><//>`;
}

/** Refused: what the log does not have, by design. */
export const Refused = () => html`
  <p class="small">Requests that the gateway itself refused are not recorded: with a key that is not good (401), without credits (402), of a
    model or from an address that the key may not use (403), or over a limit of its own (429). Their clients were told why, and the
    gateway’s <a href="#/docs?page=watching">output</a> has a line for each; limits that are used up are among the <a href="#/balance">alerts</a>.</p>`;
