// The marks that there are alerts at: how they are said and typed, and the dialog that sets them.

import { html, useState, Button, Dialog, ErrorNote, Field, format } from "../../ui/index.js";

const MOST = 5;
const FORM = "marks-form";
const FORMAT = `Whole percentages from 1 to 100, at most ${MOST}, like 50, 80, 100.`;
const listed = new Intl.ListFormat("en-GB");

/** "50%, 80% and 100%". */
export const spoken = (marks) => listed.format(marks.map((each) => format.percent(each / 100)));

/** What was typed, as [marks, null], rising and each once, or as [null, what is wrong]. */
export function typed(text) {
  const words = text.replaceAll("%", " ").split(/[\s,;]+/).filter(Boolean);
  const marks = [...new Set(words.map((word) => (/^\d{1,3}$/.test(word) ? Number(word) : 0)))].sort((a, b) => a - b);
  return marks.length > MOST || marks.some((each) => each < 1 || each > 100) ? [null, FORMAT] : [marks, null];
}

/** MarksForm: marks (those in force, also when somebody else has set them meanwhile), onSave(marks, insteadOf) → promise, onClose. */
export function MarksForm({ marks, onSave, onClose }) {
  const [text, write] = useState(marks.join(", "));
  const [state, become] = useState({ busy: false, error: null, wrong: null });
  const submit = async (event) => {
    event.preventDefault();
    const [wanted, wrong] = typed(text);
    if (wrong) return become({ busy: false, error: null, wrong });
    become({ busy: true, error: null, wrong: null });
    await onSave(wanted, marks).catch((error) => become({ busy: false, error, wrong: null }));
    return undefined;
  };
  const change = (said) => {
    write(said);
    become({ busy: false, error: null, wrong: null });
  };
  const conflict = state.error?.status === 409;
  const actions = html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" type="submit" form=${FORM} busy=${state.busy}>Save<//>`;
  return html`
    <${Dialog} open title="When there are alerts" onClose=${onClose} actions=${actions}>
      <form class="form" id=${FORM} onSubmit=${submit} novalidate>
        ${conflict ? html`<p class="note bad" role="alert">Somebody else has changed this meanwhile: ${marks.length ? `alerts are at ${spoken(marks)}` : "there are no alerts"} now.
            Saving again puts yours in place of that.</p>`
          : state.error && html`<${ErrorNote} error=${state.error} />`}
        <${Field} label="Percent of a limit" value=${text} onInput=${change} error=${state.wrong} placeholder="none" autocomplete="off" spellcheck=${false} autofocus
          hint=${`At most ${MOST} marks from 1 to 100, like 50, 80, 100. With 100, refusals of what is used up are told of too. Empty: no alerts at all.`} />
        <p class="dim small">They hold for keys, owners and the gateway, from the next request on. What has been passed before is not told of again.</p>
      </form>
    <//>`;
}
