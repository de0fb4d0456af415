// The form of a key: the same for a new one and for one that is changed.

import { html, useState, Button, Dialog, ErrorNote, Field } from "../../ui/index.js";
import { BLANK, draft, read } from "./draft.js";

const FORM = "key-form";

/** KeyForm: held (a key to change, or null for a new one), models (suggestions), onSend(body) → promise, onClose. */
export function KeyForm({ held, onSend, onClose }) {
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
    <${Dialog} open wide title=${held ? `Edit ${held.name}` : "New key"} onClose=${onClose} actions=${actions}>
      <form class="form key-form" id=${FORM} onSubmit=${submit} novalidate>
        <div class="pair">
          <${Field} label="Name" ...${field("name")} maxlength="128" placeholder="the shop" required autofocus />
          <${Field} label="Owner" ...${field("owner")} maxlength="128" hint="Keys of one owner can have limits together." />
        </div>
        <${LimitFields} field=${field} />
        <h3>Restrictions</h3>
        <div class="pair">
          <${Field} label="Models" area=${3} ...${field("allowed_models")} placeholder=${"gpt-4o-mini\nanthropic/*"}
            hint="One per line: a name, provider/model or provider/*. Empty: every model." />
          <${Field} label="Networks" area=${3} ...${field("allowed_ips")} placeholder="203.0.113.0/24"
            hint="One per line. Empty: from everywhere." />
        </div>
        <div class="pair">
          <${Field} label="Expires" type="datetime-local" ...${field("expires_at")} hint="In your time zone. Empty: never." />
          <${Field} label="Metadata" area=${2} ...${field("metadata")} placeholder="team=search" hint="One name=value per line, for you." />
        </div>
        ${state.error && html`<${ErrorNote} error=${state.error} />`}
      </form>
    <//>`;
}

/** The limits that keys, owners and the gateway have alike; `field(name)` gives a field's props. */
export const LimitFields = ({ field }) => html`
  <h3>Limits</h3>
  <p class="dim small">What is left empty is not limited.</p>
  <div class="triple">
    <${Field} label="Requests per minute" inputmode="numeric" ...${field("rate_limit_rpm")} />
    <${Field} label="Tokens per minute" inputmode="numeric" ...${field("rate_limit_tpm")} />
    <${Field} label="Requests at once" inputmode="numeric" ...${field("max_parallel")} />
    <${Field} label="Tokens in all" inputmode="numeric" ...${field("token_quota")} />
    <${Field} label="Credits in all (US$)" inputmode="decimal" ...${field("credits_usd")} />
    <${Field} label="Budget per day (US$)" inputmode="decimal" ...${field("budget_day_usd")} />
    <${Field} label="Budget per month (US$)" inputmode="decimal" ...${field("budget_month_usd")} />
  </div>`;
