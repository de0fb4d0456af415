// Form controls: buttons, fields, selects, toggles and tabs.

import { html } from "./html.js";
import { useUid } from "./uid.js";
import { Icon } from "./icons.js";

const joinNames = (...names) => names.filter(Boolean).join(" ");

/** Button: onClick, kind ("main" | "danger" | "plain"), type, icon, small, busy, disabled, and any attribute. */
export const Button = ({ kind = "", icon, small, busy = false, disabled = false, type = "button", children, ...more }) => html`
  <button ...${more} type=${type} class=${joinNames("button", kind, small && "small")} disabled=${disabled || busy} aria-busy=${busy}>
    ${icon && html`<${Icon} name=${icon} />`}<span>${children}</span></button>`;

/** IconButton: label (accessible name and tooltip), icon, onClick, kind, and any attribute. */
export const IconButton = ({ label, icon, kind = "", ...more }) => html`
  <button type="button" ...${more} class=${joinNames("icon-button", kind)} aria-label=${label} title=${label}><${Icon} name=${icon} /></button>`;

/**
 * Field: label, value, onInput(text), type, hint, error, area (rows of a textarea), list (suggestions), suffix (node),
 * hideLabel, and any attribute of an input.
 */
export function Field({ label, value, onInput, hint, error, area, list, suffix, type = "text", hideLabel, ...more }) {
  const id = useUid();
  const describedBy = joinNames(hint && `${id}-hint`, error && `${id}-error`) || undefined;
  const shared = {
    ...more, id, value: value ?? "", "aria-describedby": describedBy, "aria-invalid": error ? "true" : undefined,
    onInput: (event) => onInput?.(event.currentTarget.value, event),
  };
  return html`
    <div class="field">
      <label for=${id} class=${hideLabel ? "visually-hidden" : ""}>${label}</label>
      <div class="field-row">
        ${area ? html`<textarea rows=${area} ...${shared}></textarea>`
          : html`<input type=${type} list=${list ? `${id}-list` : undefined} ...${shared} />`}
        ${suffix}
      </div>
      ${list && html`<datalist id=${`${id}-list`}>${list.map((each) => html`<option value=${each} key=${each} />`)}</datalist>`}
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
      ${error && html`<p class="hint bad" id=${`${id}-error`} role="alert">${error}</p>`}
    </div>`;
}

/** Select: label, value, onChange(value), options ([value, text] or text), hint, hideLabel, and any attribute. */
export function Select({ label, value, onChange, options, hint, hideLabel, ...more }) {
  const id = useUid();
  const pairs = options.map((each) => (Array.isArray(each) ? each : [each, each]));
  return html`
    <div class="field">
      <label for=${id} class=${hideLabel ? "visually-hidden" : ""}>${label}</label>
      <select ...${more} id=${id} value=${value} aria-describedby=${hint ? `${id}-hint` : undefined}
        onChange=${(event) => onChange(event.currentTarget.value)}>
        ${pairs.map(([name, text]) => html`<option key=${name} value=${name} selected=${name === value}>${text}</option>`)}
      </select>
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    </div>`;
}

/** Toggle: label, checked, onChange(bool), hint, and any attribute of a checkbox. */
export function Toggle({ label, checked, onChange, hint, ...more }) {
  const id = useUid();
  return html`
    <div class="toggle">
      <input ...${more} type="checkbox" id=${id} checked=${checked} aria-describedby=${hint ? `${id}-hint` : undefined}
        onChange=${(event) => onChange(event.currentTarget.checked)} />
      <label for=${id}>${label}</label>
      ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    </div>`;
}

/** Tabs: label, tabs ([id, text]), selected, onSelect(id), children (the selected tab's panel). Arrow keys, Home and End select a tab. */
export function Tabs({ label, tabs, selected, onSelect, children }) {
  const id = useUid();
  const move = (event) => {
    const at = tabs.findIndex(([name]) => name === selected);
    const step = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const [next] = tabs[(step + tabs.length) % tabs.length];
    onSelect(next);
    document.getElementById(`${id}-${next}`)?.focus();
  };
  return html`
    <div class="tabs">
      <div role="tablist" aria-label=${label} onKeyDown=${move}>
        ${tabs.map(([name, text]) => html`
          <button type="button" role="tab" key=${name} id=${`${id}-${name}`} aria-selected=${name === selected ? "true" : "false"}
            aria-controls=${`${id}-panel`} tabindex=${name === selected ? 0 : -1} onClick=${() => onSelect(name)}>${text}</button>`)}
      </div>
      <div role="tabpanel" id=${`${id}-panel`} aria-labelledby=${`${id}-${selected}`}>${children}</div>
    </div>`;
}
