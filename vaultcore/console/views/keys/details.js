// A dialog with all data of a virtual key and its actions.

import { html, Button, Code, Dialog, Meter, Tag, format } from "../../ui/index.js";
import { formatThresholds } from "../balance/thresholds.js";
import { LIMIT_NAMES, UNBOUNDED_INPUTS, meters, rateText } from "./rows.js";

const STATES = { active: ["good", "active"], expired: ["warn", "expired"], revoked: ["bad", "revoked"] };

/** State: virtualKey. Also shows rejected requests and an old key in its grace period. */
export function State({ virtualKey }) {
  const [kind, word] = STATES[virtualKey.state] ?? ["", virtualKey.state];
  const [old] = virtualKey.superseded;
  return html`<span class="key-state"><${Tag} kind=${kind}>${word}<//>
    <${LimitReached} virtualKey=${virtualKey} />
    ${old && html` <${Tag} kind="info" title=${`${old.masked} works until ${format.time(old.until)}`}>old key expires ${format.relative(old.until)}<//>`}</span>`;
}

/** LimitReached: virtualKey. Empty unless requests were rejected. */
export const LimitReached = ({ virtualKey }) => virtualKey.state === "active" && virtualKey.refused.length > 0 && html`
  <${Tag} kind="bad" title=${`A request was rejected. Limit reached: ${virtualKey.refused.map((id) => LIMIT_NAMES[id]).join(", ")}`}>limit reached<//>`;

/** KeyDetails: virtualKey, onClose, onDo(what): "edit", "topup", "rotate", "revoke". */
export function KeyDetails({ virtualKey, onClose, onDo }) {
  const editable = virtualKey.state !== "revoked";
  const actions = editable && html`
    <${Button} kind="danger" onClick=${() => onDo("revoke")}>Revoke<//>
    <${Button} onClick=${() => onDo("rotate")}>Rotate<//>
    <${Button} onClick=${() => onDo("topup")}>Top up<//>
    <${Button} kind="main" onClick=${() => onDo("edit")}>Edit<//>`;
  const limits = meters(virtualKey);
  return html`
    <${Dialog} open wide title=${virtualKey.name || virtualKey.id} onClose=${onClose} actions=${actions}>
      <${Code} text=${virtualKey.id} label="id" inline />
      ${limits.length > 0 && html`<div class="triple">${limits.map((each) => html`
        <div key=${each.id}><p class="dim small">${each.name}</p>
          <${Meter} used=${each.used} most=${each.most} label=${`${each.name} of ${virtualKey.name}`} text=${each.text} /></div>`)}</div>`}
      <dl class="facts">
        <${Fact} name="State"><${State} virtualKey=${virtualKey} /><//>
        <${Fact} name="Key"><code>${virtualKey.masked}</code><//>
        ${virtualKey.superseded.map(({ masked, until }) => html`
          <${Fact} key=${until} name="Old key"><code>${masked}</code> works until ${format.time(until)}<//>`)}
        <${Fact} name="Owner">${virtualKey.owner ?? "none"}<//>
        <${Fact} name="Requests">${format.number(virtualKey.usage.requests)}${virtualKey.in_flight ? `, ${format.number(virtualKey.in_flight)} in progress` : ""}<//>
        <${Fact} name="Tokens">${format.number(virtualKey.usage.total_tokens)}<//>
        <${Fact} name="Spend">${format.money(virtualKey.usage.cost_usd)}<//>
        <${Fact} name="Rate">${rateText(virtualKey)}<//>
        <${Fact} name="Created">${format.time(virtualKey.created_at)}<//>
        <${Fact} name=${virtualKey.revoked_at ? "Revoked" : "Expires"}>${virtualKey.revoked_at ? format.time(virtualKey.revoked_at) : virtualKey.expires_at ? format.time(virtualKey.expires_at) : "never"}<//>
        <${Fact} name="Models">${virtualKey.allowed_models?.join(", ") ?? "all"}<//>
        <${Fact} name="Networks">${virtualKey.allowed_ips?.join(", ") ?? "all"}<//>
        <${Fact} name="Inputs of unknown size">${UNBOUNDED_INPUTS[virtualKey.unbounded_inputs]}<//>
        <${Fact} name="Alerts">${alertText(virtualKey.alert_marks)}<//>
        ${Object.entries(virtualKey.metadata).map(([name, value]) => html`<${Fact} key=${`of ${name}`} name=${name}>${value}<//>`)}
      </dl>
      <p><a href=${`#/logs?key=${encodeURIComponent(virtualKey.id)}`}>View requests in the logs</a></p>
    <//>`;
}

const alertText = (thresholds) => (!thresholds ? "gateway thresholds" : thresholds.length ? `at ${formatThresholds(thresholds)}` : "none");

const Fact = ({ name, children }) => html`<div><dt>${name}</dt><dd>${children}</dd></div>`;
