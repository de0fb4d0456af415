// One route: its name, the order of its models, and what can be done with it.

import { html, Button, Copy, Meter, Section, Tag, format } from "../../ui/index.js";

export const STRATEGIES = [
  ["priority", "In this order: the others are fallbacks"],
  ["weighted", "By weight: each gets its share"],
  ["cheapest", "The cheapest first"],
];
const SHORT = { priority: "in order", weighted: "by weight", cheapest: "cheapest first" };

/** What a target's weight comes to among all, as a share. */
export const share = (targets, at) => {
  const all = targets.reduce((sum, each) => sum + (Number(each.weight) || 0), 0);
  return all > 0 ? (Number(targets[at].weight) || 0) / all : 0;
};

/** RouteCard: row, onEdit, onRemove, onTry. */
export function RouteCard({ row, onEdit, onRemove, onTry }) {
  const here = row.where === "here";
  return html`
    <li>
      <${Section} title=${html`<code>${row.name}</code>`} actions=${html`
          <${Copy} text=${row.name} label="Copy name" />
          <${Button} small icon="playground" aria-label=${`Dry run of ${row.name}`} onClick=${onTry}>Dry run<//>
          <${Button} small icon="edit" aria-label=${`Edit ${row.name}`} onClick=${onEdit}>Edit<//>
          ${here && html`<${Button} small kind="danger" icon="trash" aria-label=${`Delete ${row.name}`} onClick=${onRemove}>Delete<//>`}`}>
        <p class="routes-tags">
          <${Tag} kind="info">${SHORT[row.strategy] ?? row.strategy}<//>
          <${Tag}>${here ? (row.hides ? "set here, instead of the file's" : "set here") : "from the providers file"}<//>
          ${row.broken && html`<${Tag} kind="bad">leads nowhere<//>`}
        </p>
        ${row.broken && html`<p class="note bad">${row.broken}</p>`}
        ${row.strategy === "weighted" ? html`<${Shares} targets=${row.targets} />` : html`<${Chain} row=${row} />`}
      <//>
    </li>`;
}

/** Models in the order they are asked in; of the cheapest first, nobody knows it beforehand. */
const Chain = ({ row }) => html`
  <ol class=${row.strategy === "priority" ? "routes-chain" : "routes-chain unordered"}>${row.targets.map((each, at) => html`
    <li key=${at}><code>${each.target}</code>
      <span class="dim small">${row.strategy === "priority" ? (at ? `fallback ${at}` : "first") : ""}</span></li>`)}</ol>`;

/** Models with the share of requests that each is asked first. */
const Shares = ({ targets }) => html`
  <ul class="routes-shares">${targets.map((each, at) => html`
    <li key=${at}><code>${each.target}</code>
      <${Meter} used=${share(targets, at)} most=${1} label=${`Share of ${each.target}`}
        text=${`${format.percent(share(targets, at))}, weight ${format.number(each.weight)}`} /></li>`)}</ul>`;
