// Dialogs for one key: the new key's text, rotation, and top-up.

import { html, useState, Button, Code, Dialog, ErrorNote, Field, Select, format } from "../../ui/index.js";
import { parseAmount } from "./numbers.js";

const GRACE_PERIODS = [["0", "0 (expires now)"], ["3600", "1 hour"], ["86400", "1 day"], ["604800", "1 week"]];

/** Issued: issued ({ name, key }), base, onClose. Shows the key's text, which cannot be shown again. */
export const Issued = ({ issued, base, onClose }) => html`
  <${Dialog} open locked title="Copy the key now" onClose=${onClose}
    actions=${html`<${Button} kind="main" onClick=${onClose}>I have copied it<//>`}>
    <p>This is the key for <strong>${issued.name}</strong>. You cannot view it again: the gateway stores only a digest.</p>
    <${Code} text=${issued.key} label="new key" inline />
    <p class="dim small">Base URL</p>
    <${Code} text=${base} label="base URL" inline />
  <//>`;

/** Return [state, submit] for a dialog's form. */
function useSubmit(send) {
  const [state, setState] = useState({ busy: false, error: null });
  const submit = async (event) => {
    event.preventDefault();
    setState({ busy: true, error: null });
    await send().catch((error) => setState({ busy: false, error }));
  };
  return [state, submit];
}

/** Rotation: virtualKey, onSend(body) → promise, onClose. */
export function Rotation({ virtualKey, onSend, onClose }) {
  const [grace, setGrace] = useState("3600");
  const [state, submit] = useSubmit(() => onSend({ grace_seconds: Number(grace) }));
  const actions = html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" type="submit" form="rotation" busy=${state.busy}>Create new key<//>`;
  return html`
    <${Dialog} open title=${`Rotate ${virtualKey.name}`} onClose=${onClose} actions=${actions}>
      <form class="form" id="rotation" onSubmit=${submit}>
        <p>Creates a new key with the same limits and usage.</p>
        <${Select} label="The old key keeps working for" value=${grace} onChange=${setGrace} options=${GRACE_PERIODS} />
        ${state.error && html`<${ErrorNote} error=${state.error} />`}
      </form>
    <//>`;
}

/** TopUp: virtualKey, onSend(body) → promise, onClose. Shows the resulting balance. */
export function TopUp({ virtualKey, onSend, onClose }) {
  const [input, setInput] = useState("");
  const [reason, setReason] = useState("");
  const [amountUsd, invalid] = parseAmount(input);
  const [state, submit] = useSubmit(() => onSend({ amount_usd: amountUsd, ...(reason.trim() && { reason: reason.trim() }) }));
  const isUnlimited = virtualKey.credits_usd === null;
  const after = (isUnlimited ? -virtualKey.usage.cost_usd : virtualKey.balance_usd) + Number(amountUsd ?? 0);
  const actions = html`<${Button} onClick=${onClose}>Cancel<//>
    <${Button} kind="main" type="submit" form="top-up" disabled=${!amountUsd || !Number(amountUsd)} busy=${state.busy}>Add credits<//>`;
  return html`
    <${Dialog} open title=${`Top up ${virtualKey.name}`} onClose=${onClose} actions=${actions}>
      <form class="form" id="top-up" onSubmit=${submit}>
        ${isUnlimited && html`<p class="note">This key has no credit limit. Adding credits sets one; the ${format.money(virtualKey.usage.cost_usd)} already spent count towards it.</p>`}
        <${Field} label="Amount (US$)" inputmode="decimal" value=${input} onInput=${setInput} error=${input && invalid} placeholder="5" autocomplete="off" autofocus />
        <${Field} label="Reason" value=${reason} onInput=${setReason} maxlength="128" placeholder="invoice 7" hint="Recorded in the audit log." autocomplete="off" />
        <p role="status">${isUnlimited && !amountUsd ? "No credit limit." : `New balance: ${format.money(after)}`}</p>
        ${state.error && html`<${ErrorNote} error=${state.error} />`}
      </form>
    <//>`;
}
