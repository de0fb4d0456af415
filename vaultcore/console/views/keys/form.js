// The form of a key: the same for a new one and for one that is changed.

import { html, useState, Button, Dialog, ErrorNote, Field } from "../../ui/index.js";
import { BLANK, draft, read } from "./draft.js";
import { Restrictions } from "./restrictions.js";

const FORM = "key-form";

/** KeyForm: api, held (a key to change, or null for a new one), onSend(body) → promise, onClose. */
export function KeyForm({ api, held, onSend, onClose }) {
  const [before] = useState(held ? draft(held) : BLANK);
  const [now, write] = useState(before);
  const [state, become] = useState({ busy: false, error: null, errors: {} });
  const submit = async (event) => {
    event.preventDefault();
    // A new key says all: its rate would be 60 again where the field was emptied.
    const { body, errors } = read(now, held ? before : { ...BLANK, rate_limit_rpm: "unsaid", name: "" });
    if (!held && !now.name.trim()) errors.name = "A key needs a name.";
    if (Object.keys(errors).length) return become({ busy: false, error: null, errors });
    become({ busy: true, error: null, errors: {} });
    try {
      await onSend(body);
    } catch (error) {
      const at = (error.param ?? "").split(/[.[]/)[0];
      become({ busy: false, error: at in now ? null : error, errors: at in now ? { [at]: error.message } : {} });
    }
    return undefined;
  };
  const field = (name) => ({
    value: now[name], error: state.errors[name], autocomplete: "off", spellcheck: false,
    onInput: (text) => write((held_) => ({ ...held_, [name]: text })),
  });
  const actions = html`<${Button} onClick=${onClose}>Cancel<//>
    <${Button} kind="main" type="submit" form=${FORM} busy=${state.busy}>${held ? "Save" : "Create key"}<//>`;
  return html`
    <${Dialog} open wide title=${held ? `Edit ${held.name}` : "New key"} onClose=${onClose} actions=${actions}
      dirty=${changed(now, before)}>
      <form class="form key-form" id=${FORM} onSubmit=${submit} novalidate>
        <div class="pair">
          <${Field} label="Name" ...${field("name")} maxlength="128" placeholder="the shop" required autofocus />
          <${Field} label="Owner" ...${field("owner")} maxlength="128" hint="Keys of one owner can have limits together." />
        </div>
        <${LimitFields} field=${field} />
        <${Restrictions} api=${api} field=${field} models=${now.allowed_models} />
        <h3>More</h3>
        <div class="pair">
          <${Field} label="Expires" type="datetime-local" ...${field("expires_at")} hint="In your time zone. Empty: never." />
          <${Field} label="Alerts at (% of a limit)" ...${field("alert_marks")} placeholder="50, 80, 100"
            hint="Empty: the gateway's marks. “none”: no alerts of this key." />
        </div>
        <${Field} label="Metadata" area=${2} ...${field("metadata")} placeholder="team=search" hint="One name=value per line, for you." />
        ${state.error && html`<${ErrorNote} error=${state.error} />`}
      </form>
    <//>`;
}

/** Whether one of a form's texts is another than it was. */
export const changed = (now, before) => Object.keys(now).some((name) => now[name] !== before[name]);

/** The limits that keys, owners and the gateway have alike; `field(name)` gives a field's props. */
export const LimitFields = ({ field }) => html`
  <h3>Limits</h3>
  <p class="dim small">What is left empty is not limited. Budgets are in US$, of calendar days and months in UTC.</p>
  <div class="triple">
    <${Field} label="Requests per minute" inputmode="numeric" ...${field("rate_limit_rpm")} />
    <${Field} label="Tokens per minute" inputmode="numeric" ...${field("rate_limit_tpm")} />
    <${Field} label="Max requests at once" inputmode="numeric" ...${field("max_parallel")} />
    <${Field} label="Total tokens" inputmode="numeric" ...${field("token_quota")} />
    <${Field} label="Total credits (US$)" inputmode="decimal" ...${field("credits_usd")} />
    <${Field} label="Budget per day (UTC)" inputmode="decimal" ...${field("budget_day_usd")} />
    <${Field} label="Budget per month (UTC)" inputmode="decimal" ...${field("budget_month_usd")} />
  </div>`;
