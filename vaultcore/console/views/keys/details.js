// One virtual key with all that is known of it, and what can be done with it.

import { html, Button, Code, Dialog, Meter, Tag, format } from "../../ui/index.js";
import { spoken } from "../balance/marks.js";
import { LIMIT_NAMES, meters, rates } from "./rows.js";

const STATES = { active: ["good", "active"], expired: ["warn", "expired"], revoked: ["bad", "revoked"] };

/** State: held (a key). With what is said of an active one besides. */
export function State({ held }) {
  const [kind, word] = STATES[held.state] ?? ["", held.state];
  const [old] = held.superseded;
  return html`<span class="key-state"><${Tag} kind=${kind}>${word}<//>
    <${Refused} held=${held} />
    ${old && html` <${Tag} kind="info" title=${`${old.masked} is good until ${format.time(old.until)}`}>old key ends ${format.relative(old.until)}<//>`}</span>`;
}

/** Refused: held (a key). Nothing where it is not. */
export const Refused = ({ held }) => held.state === "active" && held.refused.length > 0 && html`
  <${Tag} kind="bad" title=${`A request was refused: too little is left of ${held.refused.map((id) => LIMIT_NAMES[id]).join(" and ")}`}>refused<//>`;

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
        ${held.superseded.map(({ masked, until }) => html`
          <${Fact} key=${until} name="Old key, still good"><code>${masked}</code> until ${format.time(until)}<//>`)}
        <${Fact} name="Owner">${held.owner ?? "nobody"}<//>
        <${Fact} name="Requests">${format.number(held.usage.requests)}${held.in_flight ? `, ${format.number(held.in_flight)} in flight` : ""}<//>
        <${Fact} name="Tokens">${format.number(held.usage.total_tokens)}<//>
        <${Fact} name="Spend">${format.money(held.usage.cost_usd)}<//>
        <${Fact} name="Rate">${rates(held)}<//>
        <${Fact} name="Made">${format.time(held.created_at)}<//>
        <${Fact} name=${held.revoked_at ? "Revoked" : "Expires"}>${held.revoked_at ? format.time(held.revoked_at) : held.expires_at ? format.time(held.expires_at) : "never"}<//>
        <${Fact} name="Models">${held.allowed_models?.join(", ") ?? "every model"}<//>
        <${Fact} name="Networks">${held.allowed_ips?.join(", ") ?? "everywhere"}<//>
        <${Fact} name="Alerts">${alerts(held.alert_marks)}<//>
        ${Object.entries(held.metadata).map(([name, value]) => html`<${Fact} key=${`of ${name}`} name=${name}>${value}<//>`)}
      </dl>
      <p><a href=${`#/logs?key=${encodeURIComponent(held.id)}`}>Its requests in the logs</a></p>
    <//>`;
}

const alerts = (marks) => (!marks ? "at the gateway's marks" : marks.length ? `at ${spoken(marks)}` : "none");

const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;
