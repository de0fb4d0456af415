// A dialog with a model's providers, prices, capabilities and sample code.

import { html, Button, Code, Dialog, Snippets, Tag, format } from "../../ui/index.js";
import { snippets } from "../snippets.js";

export const STATES = { up: ["good", "up"], partly: ["warn", "partly down"], down: ["bad", "paused after failures"] };

/** Details: row (or null), base, onClose, onTry(row). */
export function Details({ row, base, onClose, onTry }) {
  if (!row) return null;
  const actions = html`<${Button} onClick=${onClose}>Close<//>
    ${isPlayable(row) && html`<${Button} kind="main" icon="playground" onClick=${() => onTry(row)}>Try it<//>`}`;
  return html`
    <${Dialog} open wide title=${row.id} onClose=${onClose} actions=${actions}>
      <${Code} text=${row.id} label="model id" inline />
      <dl class="facts">
        <${Fact} name="Type">${row.type}<//>
        <${Fact} name="Context window">${row.window ? `${format.number(row.window)} tokens` : "unknown"}<//>
        <${Fact} name="Max output">${row.output ? `${format.number(row.output)} tokens` : "unknown"}<//>
        <${Fact} name="Providers">${row.providers.map((each) => html`<${ProviderState} key=${each.name} provider=${each} />`)}<//>
      </dl>
      <h3>Price</h3>
      ${row.pricing ? html`<${Prices} pricing=${row.pricing} />`
        : html`<p class="dim">The price is unknown. Keys with a credit limit or a budget cannot use this model.</p>`}
      <h3>Capabilities</h3>
      <${Capabilities} capabilities=${row.capabilities} />
      ${row.type === "text" && html`<h3>Sample code</h3><${Snippets} samples=${snippets(base, row.id)} />`}
    <//>`;
}

/** Return true if the playground supports the model. */
export const isPlayable = (row) => row.type !== "embedding" && row.type !== "moderation";

const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;

function ProviderState({ provider }) {
  const [kind, word] = STATES[provider.state] ?? ["", ""];
  return html`<span class="model-provider">${provider.title}${word && html` <${Tag} kind=${kind}>${word}${provider.reason ? `: ${provider.reason}` : ""}<//>`}</span>`;
}

const spaced = (name) => name.replaceAll("_", " ");
const plainRates = (rates) => Object.entries(rates).filter(([, value]) => typeof value === "string");

/** Prices: pricing. Amounts are strings; nested rates (tiers, services, hours) follow under their own names. */
function Prices({ pricing }) {
  const more = [
    ...(pricing.tiers ?? []).map((each) => [`above ${format.number(each.above)} tokens`, each]),
    ...Object.entries(pricing.services ?? {}).map(([name, each]) => [`service tier ${name}`, each]),
    ...(pricing.hours ?? []).map((each) => [`${each.from} to ${each.to} UTC`, each]),
  ];
  return html`
    <p class="dim small">US$ per million tokens; images and requests per unit.</p>
    <dl class="facts">
      ${plainRates(pricing).map(([name, value]) => html`<${Fact} key=${name} name=${spaced(name)}>${format.money(value)}<//>`)}
      ${Object.entries(pricing.picture ?? {}).map(([name, value]) => html`
        <${Fact} key=${`picture ${name}`} name=${`image, ${name}`}>${format.money(value)}<//>`)}
      ${more.map(([name, rates]) => html`
        <${Fact} key=${name} name=${name}>${plainRates(rates).filter(([each]) => !["from", "to"].includes(each))
          .map(([each, value]) => `${spaced(each)} ${format.money(value)}`).join(", ")}<//>`)}
    </dl>`;
}

function Capabilities({ capabilities }) {
  const entries = Object.entries(capabilities).filter(([, value]) => value !== null && !(Array.isArray(value) && !value.length));
  if (!entries.length) return html`<p class="dim">Unknown. The gateway forwards requests unchanged.</p>`;
  const formatValue = (value) => (value === true ? "yes" : value === false ? "no" : Array.isArray(value) ? value.join(", ") : value);
  return html`<dl class="facts">${entries.map(([name, value]) => html`<${Fact} key=${name} name=${spaced(name)}>${formatValue(value)}<//>`)}</dl>`;
}
