// A route being written: its name, how it chooses, and its models, which are dragged or moved by keys.

import { html, Button, Dialog, ErrorNote, Field, Select, useState } from "../../ui/index.js";
import { STRATEGIES } from "./card.js";
import { TargetList } from "./targets.js";
import { same, wrong } from "./shape.js";

let last = 0;
const keyed = (target = { target: "", weight: 1 }) => ({ ...target, id: (last += 1) });

/** Editor: draft, taken (names), known (targets), newer (somebody changed it meanwhile), onSave(route, before), onClose. */
export function Editor({ draft, taken, known, newer, onSave, onClose }) {
  const [route, write] = useState(() => ({ ...draft, targets: (draft.targets.length ? draft.targets : [undefined]).map((each) => keyed(each)) }));
  const [first] = useState(route);
  const [told, tell] = useState(false);
  const [state, become] = useState({ busy: false, error: null });
  const amiss = wrong(route, taken);
  const save = async (event) => {
    event?.preventDefault();
    tell(true);
    if (amiss || state.busy) return;
    become({ busy: true, error: null });
    await onSave({ ...route, name: route.name.trim() }, draft.fresh ? null : draft.name).catch((error) => become({ busy: false, error }));
  };
  const place = (targets) => write((held) => ({ ...held, targets: typeof targets === "function" ? targets(held.targets) : targets }));
  const shown = told ? amiss : null;
  const conflict = state.error?.status === 409;
  return html`
    <${Dialog} open wide title=${draft.fresh ? "New route" : `Edit ${draft.name}`} onClose=${onClose} dirty=${route.name !== first.name || !same(route, first)} actions=${html`
        <${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" busy=${state.busy} onClick=${save}>Save<//>`}>
      <form class="routes-editor" onSubmit=${save} novalidate>
        ${conflict ? html`<p class="note bad" role="alert">Somebody else has changed the routes meanwhile. Nothing of theirs is lost:
            ${newer ? " they have changed this one too, and saving again puts yours in its place." : " this one is as it was, and you can save again."}</p>`
          : html`<${ErrorNote} error=${state.error} />`}
        <${Field} label="Name" value=${route.name} onInput=${(name) => write((held) => ({ ...held, name }))} readonly=${draft.where === "file"} autofocus=${Boolean(draft.fresh)} maxlength="256"
          error=${shown?.name} hint=${hint(draft, route)} autocomplete="off" spellcheck="false" />
        <${Select} label="Which model is asked first" value=${route.strategy} options=${STRATEGIES} onChange=${(strategy) => write((held) => ({ ...held, strategy }))} />
        <${TargetList} targets=${route.targets} place=${place} known=${known} strategy=${route.strategy} wrong=${shown?.targets} />
        ${shown?.none && html`<p class="hint bad" role="alert">${shown.none}</p>`}
        <div><${Button} small icon="plus" disabled=${route.targets.length >= 32} onClick=${() => place((held) => [...held, keyed()])}>Add a model<//></div>
        <button type="submit" class="hidden" tabindex="-1" aria-hidden="true">Save</button>
      </form>
    <//>`;
}

function hint(draft, route) {
  if (draft.fresh) return "What programs ask for as their model.";
  if (draft.where === "file") return "Saved here, it goes before the file's.";
  return route.name.trim() === draft.name ? "" : `Programs that ask for ${draft.name} are no longer routed by this.`;
}
