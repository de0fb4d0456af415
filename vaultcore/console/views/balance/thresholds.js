// Alert thresholds: formatting, parsing, and the dialog that edits them.

import { html, useState, Button, Dialog, ErrorNote, Field, format } from "../../ui/index.js";

const MAX_COUNT = 5;
const FORM = "thresholds-form";
const FORMAT = `Enter up to ${MAX_COUNT} integers from 1 to 100, like 50, 80, 100.`;
const listFormat = new Intl.ListFormat("en-GB");

/** Return "50%, 80% and 100%". */
export const formatThresholds = (thresholds) => listFormat.format(thresholds.map((each) => format.percent(each / 100)));

/** Parse a text into [thresholds, null], ascending and unique, or [null, error message]. */
export function parseThresholds(text) {
  const words = text.replaceAll("%", " ").split(/[\s,;]+/).filter(Boolean);
  const thresholds = [...new Set(words.map((word) => (/^\d{1,3}$/.test(word) ? Number(word) : 0)))].sort((a, b) => a - b);
  return thresholds.length > MAX_COUNT || thresholds.some((each) => each < 1 || each > 100) ? [null, FORMAT] : [thresholds, null];
}

/** ThresholdsForm: thresholds (the current ones, updated after a conflict), onSave(next, previous) → promise, onClose. */
export function ThresholdsForm({ thresholds, onSave, onClose }) {
  const [text, setText] = useState(thresholds.join(", "));
  const [state, setState] = useState({ busy: false, error: null, wrong: null });
  const submit = async (event) => {
    event.preventDefault();
    const [next, wrong] = parseThresholds(text);
    if (wrong) return setState({ busy: false, error: null, wrong });
    setState({ busy: true, error: null, wrong: null });
    await onSave(next, thresholds).catch((error) => setState({ busy: false, error, wrong: null }));
    return undefined;
  };
  const change = (input) => {
    setText(input);
    setState({ busy: false, error: null, wrong: null });
  };
  const conflict = state.error?.status === 409;
  const actions = html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" type="submit" form=${FORM} busy=${state.busy}>Save<//>`;
  return html`
    <${Dialog} open title="Edit thresholds" onClose=${onClose} actions=${actions}>
      <form class="form" id=${FORM} onSubmit=${submit} novalidate>
        ${conflict ? html`<p class="note bad" role="alert">Another admin has changed the thresholds to ${thresholds.length ? formatThresholds(thresholds) : "none"}.
            Save again to replace them with yours.</p>`
          : state.error && html`<${ErrorNote} error=${state.error} />`}
        <${Field} label="Thresholds (% of a limit)" value=${text} onInput=${change} error=${state.wrong} placeholder="none" autocomplete="off" spellcheck=${false} autofocus
          hint=${`Up to ${MAX_COUNT} integers from 1 to 100, like 50, 80, 100. 100 also sends alerts for rejected requests. Leave empty to disable alerts.`} />
        <p class="dim small">These thresholds apply to keys, owners and the gateway from the next request. Thresholds already crossed are not reported again.</p>
      </form>
    <//>`;
}
