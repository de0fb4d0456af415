// One model, with all that is known of it: prices, capabilities, where it is served, and code to call it.

import { html, Button, Code, Dialog, Snippets, Tag, format } from "../../ui/index.js";
import { snippets } from "../snippets.js";

export const STATES = { up: ["good", "up"], partly: ["warn", "partly resting"], resting: ["bad", "resting"] };

/** Details: row (or null), base, onClose, onTry(row). */
export function Details({ row, base, onClose, onTry }) {
  if (!row) return null;
  const actions = html`<${Button} onClick=${onClose}>Close<//>
    ${playable(row) && html`<${Button} kind="main" icon="playground" onClick=${() => onTry(row)}>Try it<//>`}`;
  return html`
    <${Dialog} open wide title=${row.id} onClose=${onClose} actions=${actions}>
      <${Code} text=${row.id} label="model id" inline />
      <dl class="facts">
        <${Fact} name="Type">${row.type}<//>
        <${Fact} name="Context window">${row.window ? `${format.number(row.window)} tokens` : "not known"}<//>
        <${Fact} name="Max output">${row.output ? `${format.number(row.output)} tokens` : "not known"}<//>
        <${Fact} name="Served by">${row.providers.map((each) => html`<${Place} key=${each.name} place=${each} />`)}<//>
      </dl>
      <h3>Price</h3>
      ${row.pricing ? html`<${Prices} pricing=${row.pricing} />`
        : html`<p class="dim">Nobody has published one. Where money is limited, such a model is refused.</p>`}
      <h3>Capabilities</h3>
      <${Abilities} of=${row.capabilities} />
      ${row.type === "text" && html`<h3>From your program</h3><${Snippets} of=${snippets(base, row.id)} />`}
    <//>`;
}

/** Whether the playground has something to send to a model. */
export const playable = (row) => row.type !== "embedding";

const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

function Place({ place }) {
  const [kind, word] = STATES[place.state] ?? ["", ""];
  return html`<span class="place">${place.title}${word && html` <${Tag} kind=${kind}>${word}${place.reason ? `: ${place.reason}` : ""}<//>`}</span>`;
}

const words = (name) => name.replaceAll("_", " ");
const plain = (rates) => Object.entries(rates).filter(([, value]) => typeof value === "string");

/** Amounts are texts; what holds more amounts stands below, under its own name. */
function Prices({ pricing }) {
  const more = [
    ...(pricing.tiers ?? []).map((each) => [`above ${format.number(each.above)} tokens`, each]),
    ...Object.entries(pricing.services ?? {}).map(([name, each]) => [`service tier ${name}`, each]),
    ...(pricing.hours ?? []).map((each) => [`${each.from} to ${each.to} UTC`, each]),
  ];
  return html`
    <p class="dim small">US dollars per million tokens; pictures and requests one by one.</p>
    <dl class="facts">
      ${plain(pricing).map(([name, value]) => html`<${Fact} key=${name} name=${words(name)}>${format.money(value)}<//>`)}
      ${Object.entries(pricing.picture ?? {}).map(([name, value]) => html`
        <${Fact} key=${`picture ${name}`} name=${`picture, ${name}`}>${format.money(value)}<//>`)}
      ${more.map(([name, rates]) => html`
        <${Fact} key=${name} name=${name}>${plain(rates).filter(([each]) => !["from", "to"].includes(each))
          .map(([each, value]) => `${words(each)} ${format.money(value)}`).join(", ")}<//>`)}
    </dl>`;
}

function Abilities({ of }) {
  const said = Object.entries(of).filter(([, value]) => value !== null && !(Array.isArray(value) && !value.length));
  if (!said.length) return html`<p class="dim">Nothing is known; a request is sent as it is.</p>`;
  const told = (value) => (value === true ? "yes" : value === false ? "no" : Array.isArray(value) ? value.join(", ") : value);
  return html`<dl class="facts">${said.map(([name, value]) => html`<${Fact} key=${name} name=${words(name)}>${told(value)}<//>`)}</dl>`;
}
