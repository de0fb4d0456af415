// A card for one route: name, targets and actions.

import { html, Button, Copy, Meter, Section, Tag, format } from "../../ui/index.js";

export const STRATEGIES = [
  ["priority", "In order: the others are fallbacks"],
  ["weighted", "By weight: traffic is split"],
  ["cheapest", "Cheapest first"],
];
export const CACHE_MARKS = [
  ["", "As the provider's row says"],
  ["auto", "Place them for clients that send none"],
  ["client", "Only those of the client"],
];
const SHORT = { priority: "in order", weighted: "by weight", cheapest: "cheapest first" };
const CACHE_TAGS = { auto: "automatic cache marks", client: "cache marks of clients only" };

/** Return a target's share of the total weight, from 0 to 1. */
export const share = (targets, at) => {
  const all = targets.reduce((sum, each) => sum + (Number(each.weight) || 0), 0);
  return all > 0 ? (Number(targets[at].weight) || 0) / all : 0;
};

/** RouteCard: row, onEdit, onRemove, onTry. */
export function RouteCard({ row, onEdit, onRemove, onTry }) {
  const fromConsole = row.where === "here";
  return html`
    <li>
      <${Section} title=${html`<code>${row.name}</code>`} actions=${html`
          <${Copy} text=${row.name} label="Copy name" />
          <${Button} small icon="playground" aria-label=${`Dry run of ${row.name}`} onClick=${onTry}>Dry run<//>
          <${Button} small icon="edit" aria-label=${`Edit ${row.name}`} onClick=${onEdit}>Edit<//>
          ${fromConsole && html`<${Button} small kind="danger" icon="trash" aria-label=${`Delete ${row.name}`} onClick=${onRemove}>Delete<//>`}`}>
        <p class="routes-tags">
          <${Tag} kind="info">${SHORT[row.strategy] ?? row.strategy}<//>
          ${row.cache && html`<${Tag}>${CACHE_TAGS[row.cache] ?? row.cache}<//>`}
          <${Tag}>${fromConsole ? (row.hides ? "from console, overrides file" : "from console") : "from the providers file"}<//>
          ${row.broken && html`<${Tag} kind="bad">no valid targets<//>`}
        </p>
        ${row.broken && html`<p class="note bad">${row.broken}</p>`}
        ${row.strategy === "weighted" ? html`<${Shares} targets=${row.targets} />` : html`<${Chain} row=${row} />`}
      <//>
    </li>`;
}

/** Models in the order of attempts. For "cheapest first" the order depends on the request. */
const Chain = ({ row }) => html`
  <ol class=${row.strategy === "priority" ? "routes-chain" : "routes-chain unordered"}>${row.targets.map((each, at) => html`
    <li key=${at}><code>${each.target}</code>
      <span class="dim small">${row.strategy === "priority" ? (at ? `fallback ${at}` : "first") : ""}</span></li>`)}</ol>`;

/** Models with their share of first attempts. */
const Shares = ({ targets }) => html`
  <ul class="routes-shares">${targets.map((each, at) => html`
    <li key=${at}><code>${each.target}</code>
      <${Meter} used=${share(targets, at)} most=${1} label=${`Share of ${each.target}`}
        text=${`${format.percent(share(targets, at))}, weight ${format.number(each.weight)}`} /></li>`)}</ul>`;
