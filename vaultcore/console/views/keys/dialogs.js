// What is asked and told about one key: its text once, a successor, more credits.

import { html, useState, Button, Code, Dialog, ErrorNote, Field, Select, format } from "../../ui/index.js";
import { amount } from "./numbers.js";

const GRACES = [["0", "at once"], ["3600", "in one hour"], ["86400", "in one day"], ["604800", "in one week"]];

/** Issued: issued ({ name, key }), base, onClose. A key's text, which is nowhere else. */
export const Issued = ({ issued, base, onClose }) => html`
  <${Dialog} open locked title="Copy the key now" onClose=${onClose}
    actions=${html`<${Button} kind="main" onClick=${onClose}>I have stored it<//>`}>
    <p>This is the key of <strong>${issued.name}</strong>. It is shown this once; the gateway keeps a digest only.</p>
    <${Code} text=${issued.key} label="new key" inline />
    <p class="dim small">Base URL</p>
    <${Code} text=${base} label="base URL" inline />
  <//>`;

/** What a dialog does when its form is sent, as [state, submit]. */
function useSending(send) {
  const [state, become] = useState({ busy: false, error: null });
  const submit = async (event) => {
    event.preventDefault();
    become({ busy: true, error: null });
    await send().catch((error) => become({ busy: false, error }));
  };
  return [state, submit];
}

/** Rotation: held (a key), onSend(body) → promise, onClose. */
export function Rotation({ held, onSend, onClose }) {
  const [grace, choose] = useState("3600");
  const [state, submit] = useSending(() => onSend({ grace_seconds: Number(grace) }));
  const actions = html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" type="submit" form="rotation" busy=${state.busy}>Make a new key<//>`;
  return html`
    <${Dialog} open title=${`Rotate ${held.name}`} onClose=${onClose} actions=${actions}>
      <form class="form" id="rotation" onSubmit=${submit}>
        <p>Its holder gets another key with the same limits and use. The old one stays good for as long as you say.</p>
        <${Select} label="The old key ends" value=${grace} onChange=${choose} options=${GRACES} />
        ${state.error && html`<${ErrorNote} error=${state.error} />`}
      </form>
    <//>`;
}

/** TopUp: held (a key), onSend(body) → promise, onClose. Says beforehand what will be left. */
export function TopUp({ held, onSend, onClose }) {
  const [typed, type] = useState("");
  const [reason, say] = useState("");
  const [sum, wrong] = amount(typed);
  const [state, submit] = useSending(() => onSend({ amount_usd: sum, ...(reason.trim() && { reason: reason.trim() }) }));
  const none = held.credits_usd === null;
  const after = (none ? -held.usage.cost_usd : held.balance_usd) + Number(sum ?? 0);
  const actions = html`<${Button} onClick=${onClose}>Cancel<//>
    <${Button} kind="main" type="submit" form="top-up" disabled=${!sum || !Number(sum)} busy=${state.busy}>Add credits<//>`;
  return html`
    <${Dialog} open title=${`Top up ${held.name}`} onClose=${onClose} actions=${actions}>
      <form class="form" id="top-up" onSubmit=${submit}>
        ${none && html`<p class="note">This key has had no credit limit. From now on it has one, and the ${format.money(held.usage.cost_usd)} that it has used count.</p>`}
        <${Field} label="Amount (US$)" inputmode="decimal" value=${typed} onInput=${type} error=${typed && wrong} placeholder="5" autocomplete="off" autofocus />
        <${Field} label="Reason" value=${reason} onInput=${say} maxlength="128" placeholder="invoice 7" hint="Kept in the audit." autocomplete="off" />
        <p role="status">${none && !sum ? "No credit limit yet." : `Left after this: ${format.money(after)}`}</p>
        ${state.error && html`<${ErrorNote} error=${state.error} />`}
      </form>
    <//>`;
}
