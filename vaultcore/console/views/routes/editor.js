// The route editor: name, strategy, and models that are ordered by dragging or by keys.

import { html, Button, Dialog, ErrorNote, Field, Select, useState } from "../../ui/index.js";
import { CACHE_MARKS, STRATEGIES } from "./card.js";
import { TargetList } from "./targets.js";
import { isSame, validate } from "./route.js";

let last = 0;
const withId = (target = { target: "", weight: 1 }) => ({ ...target, id: (last += 1) });

/** Editor: draft, takenNames, targets (suggestions), newer (another admin has changed this route), onSave(route, before), onClose. */
export function Editor({ draft, takenNames, targets, newer, onSave, onClose }) {
  const [route, setRoute] = useState(() => ({ ...draft, targets: (draft.targets.length ? draft.targets : [undefined]).map((each) => withId(each)) }));
  const [initial] = useState(route);
  const [submitted, setSubmitted] = useState(false);
  const [state, setState] = useState({ busy: false, error: null });
  const problems = validate(route, takenNames);
  const save = async (event) => {
    event?.preventDefault();
    setSubmitted(true);
    if (problems || state.busy) return;
    setState({ busy: true, error: null });
    await onSave({ ...route, name: route.name.trim() }, draft.fresh ? null : draft.name).catch((error) => setState({ busy: false, error }));
  };
  const setTargets = (targets) => setRoute((previous) => ({ ...previous, targets: typeof targets === "function" ? targets(previous.targets) : targets }));
  const visibleProblems = submitted ? problems : null;
  const conflict = state.error?.status === 409;
  return html`
    <${Dialog} open wide title=${draft.fresh ? "New route" : `Edit ${draft.name}`} onClose=${onClose} dirty=${route.name !== initial.name || !isSame(route, initial)} actions=${html`
        <${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" busy=${state.busy} onClick=${save}>Save<//>`}>
      <form class="routes-editor" onSubmit=${save} novalidate>
        ${conflict ? html`<p class="note bad" role="alert">Another admin has changed the routes.
            ${newer ? " This route has changed too: save again to replace it with yours." : " This route is unchanged: save again to keep both changes."}</p>`
          : html`<${ErrorNote} error=${state.error} />`}
        <${Field} label="Name" value=${route.name} onInput=${(name) => setRoute((previous) => ({ ...previous, name }))} readonly=${draft.where === "file"} autofocus=${Boolean(draft.fresh)} maxlength="256"
          error=${visibleProblems?.name} hint=${hint(draft, route)} autocomplete="off" spellcheck="false" />
        <${Select} label="Strategy" value=${route.strategy} options=${STRATEGIES} onChange=${(strategy) => setRoute((previous) => ({ ...previous, strategy }))} />
        <${Select} label="Cache marks" value=${route.cache} options=${CACHE_MARKS} onChange=${(cache) => setRoute((previous) => ({ ...previous, cache }))} />
        <${TargetList} targets=${route.targets} onChange=${setTargets} suggestions=${targets} strategy=${route.strategy} errors=${visibleProblems?.targets} />
        ${visibleProblems?.none && html`<p class="hint bad" role="alert">${visibleProblems.none}</p>`}
        <div><${Button} small icon="plus" disabled=${route.targets.length >= 32} onClick=${() => setTargets((previous) => [...previous, withId()])}>Add model<//></div>
        <button type="submit" class="visually-hidden" tabindex="-1" aria-hidden="true">Save</button>
      </form>
    <//>`;
}

function hint(draft, route) {
  if (draft.fresh) return "The model name that applications request.";
  if (draft.where === "file") return "Saving creates a route that overrides the file.";
  return route.name.trim() === draft.name ? "" : `Requests for ${draft.name} will no longer use this route.`;
}
