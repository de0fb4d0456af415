// One virtual key with all that is known of it, and what can be done with it.

import { html, Button, Code, Dialog, Meter, Tag, format } from "../../ui/index.js";
import { meters, rates } from "./rows.js";

export const STATES = { active: ["good", "active"], expired: ["warn", "expired"], revoked: ["bad", "revoked"] };

/** State: held (a key). */
export function State({ held }) {
  const [kind, word] = STATES[held.state] ?? ["", held.state];
  return html`<${Tag} kind=${kind}>${word}<//>`;
}

/** KeyDetails: held (a key), onClose, onDo(what): "edit", "topup", "rotate", "revoke". */
export function KeyDetails({ held, onClose, onDo }) {
  const live = held.state !== "revoked";
  const actions = live && html`
    <${Button} kind="danger" onClick=${() => onDo("revoke")}>Revoke<//>
    <${Button} onClick=${() => onDo("rotate")}>Rotate<//>
    <${Button} onClick=${() => onDo("topup")}>Top up<//>
    <${Button} kind="main" onClick=${() => onDo("edit")}>Edit<//>`;
  const limits = meters(held);
  return html`
    <${Dialog} open wide title=${held.name || held.id} onClose=${onClose} actions=${actions}>
      <${Code} text=${held.id} label="id" inline />
      ${limits.length > 0 && html`<div class="triple">${limits.map((each) => html`
        <div key=${each.id}><p class="dim small">${each.name}</p>
          <${Meter} used=${each.used} most=${each.most} label=${`${each.name} of ${held.name}`} text=${each.text} /></div>`)}</div>`}
      <dl class="facts">
        <${Fact} name="State"><${State} held=${held} /><//>
        <${Fact} name="Key"><code>${held.masked}</code><//>
        <${Fact} name="Owner">${held.owner ?? "nobody"}<//>
        <${Fact} name="Requests">${format.number(held.usage.requests)}${held.in_flight ? `, ${format.number(held.in_flight)} in flight` : ""}<//>
        <${Fact} name="Tokens">${format.number(held.usage.total_tokens)}<//>
        <${Fact} name="Spend">${format.money(held.usage.cost_usd)}<//>
        <${Fact} name="Rate">${rates(held)}<//>
        <${Fact} name="Made">${format.time(held.created_at)}<//>
        <${Fact} name=${held.revoked_at ? "Revoked" : "Expires"}>${held.revoked_at ? format.time(held.revoked_at) : held.expires_at ? format.time(held.expires_at) : "never"}<//>
        <${Fact} name="Models">${held.allowed_models?.join(", ") ?? "every model"}<//>
        <${Fact} name="Networks">${held.allowed_ips?.join(", ") ?? "everywhere"}<//>
        ${Object.entries(held.metadata).map(([name, value]) => html`<${Fact} key=${`of ${name}`} name=${name}>${value}<//>`)}
      </dl>
      <p><a href=${`#/logs?key=${encodeURIComponent(held.id)}`}>Its requests in the logs</a></p>
    <//>`;
}

const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;
