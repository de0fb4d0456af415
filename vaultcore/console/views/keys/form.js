// The form for a new or an existing key.

import { html, useState, Button, Dialog, ErrorNote, Field, Select } from "../../ui/index.js";
import { BLANK, toDraft, toChanges } from "./draft.js";
import { Restrictions } from "./restrictions.js";
import { UNBOUNDED_INPUTS } from "./rows.js";

const FORM = "key-form";

/** KeyForm: api, virtualKey (the key to edit, or null for a new one), onSend(body) → promise, onClose. */
export function KeyForm({ api, virtualKey, onSend, onClose }) {
  const [initial] = useState(virtualKey ? toDraft(virtualKey) : BLANK);
  const [texts, setTexts] = useState(initial);
  const [state, setState] = useState({ busy: false, error: null, errors: {} });
  const submit = async (event) => {
    event.preventDefault();
    // A new key sends every field: without a rate the API would use its default of 60.
    const { body, errors } = toChanges(texts, virtualKey ? initial : { ...BLANK, rate_limit_rpm: "unset", name: "" });
    if (!virtualKey && !texts.name.trim()) errors.name = "Enter a name.";
    if (Object.keys(errors).length) return setState({ busy: false, error: null, errors });
    setState({ busy: true, error: null, errors: {} });
    try {
      await onSend(body);
    } catch (error) {
      const at = (error.param ?? "").split(/[.[]/)[0];
      setState({ busy: false, error: at in texts ? null : error, errors: at in texts ? { [at]: error.message } : {} });
    }
    return undefined;
  };
  const field = (name) => ({
    value: texts[name], error: state.errors[name], autocomplete: "off", spellcheck: false,
    onInput: (text) => setTexts((previous) => ({ ...previous, [name]: text })),
  });
  const actions = html`<${Button} onClick=${onClose}>Cancel<//>
    <${Button} kind="main" type="submit" form=${FORM} busy=${state.busy}>${virtualKey ? "Save" : "Create key"}<//>`;
  return html`
    <${Dialog} open wide title=${virtualKey ? `Edit ${virtualKey.name}` : "New key"} onClose=${onClose} actions=${actions}
      dirty=${isChanged(texts, initial)}>
      <form class="form key-form" id=${FORM} onSubmit=${submit} novalidate>
        <div class="pair">
          <${Field} label="Name" ...${field("name")} maxlength="128" placeholder="shop-backend" required autofocus />
          <${Field} label="Owner" ...${field("owner")} maxlength="128" hint="Keys with the same owner can share limits." />
        </div>
        <${LimitFields} field=${field} />
        <${Select} label="Inputs of unknown size" value=${texts.unbounded_inputs} options=${Object.entries(UNBOUNDED_INPUTS)}
          onChange=${field("unbounded_inputs").onInput} hint="Files by id, URLs, documents and tools that the provider runs." />
        <${Restrictions} api=${api} field=${field} models=${texts.allowed_models} />
        <h3>Expiry and alerts</h3>
        <div class="pair">
          <${Field} label="Expires" type="datetime-local" ...${field("expires_at")} hint="In your time zone. Leave empty for no expiry." />
          <${Field} label="Alert thresholds (%)" ...${field("alert_marks")} placeholder="50, 80, 100"
            hint="Leave empty for the gateway's thresholds. Enter “none” to disable alerts." />
        </div>
        <${Field} label="Metadata" area=${2} ...${field("metadata")} placeholder="team=search" hint="One name=value per line." />
        ${state.error && html`<${ErrorNote} error=${state.error} />`}
      </form>
    <//>`;
}

/** Return true if any text of a form has changed. */
export const isChanged = (now, before) => Object.keys(now).some((name) => now[name] !== before[name]);

/** The limit fields of keys, owners and the gateway; `field(name)` returns a field's props. */
export const LimitFields = ({ field }) => html`
  <h3>Limits</h3>
  <p class="dim small">Leave a field empty for no limit. Budgets are in US$ per calendar day or month (UTC).</p>
  <div class="triple">
    <${Field} label="Requests per minute" inputmode="numeric" ...${field("rate_limit_rpm")} />
    <${Field} label="Tokens per minute" inputmode="numeric" ...${field("rate_limit_tpm")} />
    <${Field} label="Concurrent requests" inputmode="numeric" ...${field("max_parallel")} />
    <${Field} label="Total tokens" inputmode="numeric" ...${field("token_quota")} />
    <${Field} label="Total credits (US$)" inputmode="decimal" ...${field("credits_usd")} />
    <${Field} label="Budget per day (UTC)" inputmode="decimal" ...${field("budget_day_usd")} />
    <${Field} label="Budget per month (UTC)" inputmode="decimal" ...${field("budget_month_usd")} />
  </div>`;
