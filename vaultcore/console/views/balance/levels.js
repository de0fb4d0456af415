// Shows and edits the limits of owners and of the gateway.

import { html, useState, Button, Dialog, ErrorNote, Field, IconButton, Loaded, Meter, Section, confirm, toast, useFetch } from "../../ui/index.js";
import { LIMITS, toDraft, toChanges } from "../keys/draft.js";
import { LimitFields, isChanged } from "../keys/form.js";
import { meters, rateText } from "../keys/rows.js";

/** Levels: api, owners (names that keys have). */
export function Levels({ api, owners }) {
  const result = useFetch((signal) => api.get("admin/limits", { signal }), []);
  const [editing, setEditing] = useState(null); // { owner (null: the gateway, "": a new owner), level }
  const path = (owner) => (owner === null ? "admin/limits/gateway" : `admin/limits/owners/${encodeURIComponent(owner)}`);
  const save = async (owner, body) => {
    result.set(await api.put(path(owner), body));
    setEditing(null);
    toast("Limits saved", "good");
  };
  const removeLimits = async (owner) => {
    const confirmed = await confirm({ title: `Remove the limits of ${owner}?`, action: "Remove", danger: true,
      text: "The keys of this owner then have only their own limits." });
    if (confirmed) await api.delete(path(owner)).then(result.set, (error) => toast(`Could not remove: ${error.message}`, "bad"));
  };
  const add = html`<${Button} small icon="plus" onClick=${() => setEditing({ owner: "", level: null })}>Add owner limits<//>`;
  return html`
    <${Section} title="Gateway and owners" class="levels-card" actions=${add}>
      <p class="dim">Shared limits of all requests, and of all keys of an owner. Usage counts from when the limit was first set.</p>
      <${Loaded} result=${result}>${({ gateway, owners: limited }) => html`
        <div class="levels">
          <${Level} name="Gateway" level=${gateway} onEdit=${() => setEditing({ owner: null, level: gateway })} />
          ${Object.entries(limited).map(([owner, level]) => html`
            <${Level} key=${owner} name=${owner} level=${level} onEdit=${() => setEditing({ owner, level })} onDrop=${() => removeLimits(owner)} />`)}
        </div>`}<//>
      ${editing && html`<${LevelForm} ...${editing} owners=${owners} onSave=${save} onClose=${() => setEditing(null)} />`}
    <//>`;
}

function Level({ name, level, onEdit, onDrop }) {
  const limits = meters(level);
  const holder = onDrop ? name : "the gateway";
  return html`
    <div class="level">
      <header><h3>${name}</h3><span class="row-actions"><${IconButton} icon="edit" label=${`Edit limits of ${holder}`} onClick=${onEdit} />
        ${onDrop && html`<${IconButton} icon="trash" kind="danger" label=${`Remove limits of ${name}`} onClick=${onDrop} />`}</span></header>
      ${limits.map((each) => html`<div key=${each.id}><p class="dim small">${each.name}</p>
        <${Meter} used=${each.used} most=${each.most} label=${`${each.name} of ${name}`} text=${each.text} /></div>`)}
      <p class="dim small">Rate: ${rateText(level)}</p>
    </div>`;
}

function LevelForm({ owner, level, owners, onSave, onClose }) {
  const [name, setName] = useState(owner ?? "");
  const blank = Object.fromEntries(LIMITS.map((each) => [each, ""]));
  const [texts, setTexts] = useState(() => (level ? Object.fromEntries(Object.entries(toDraft(level)).filter(([each]) => LIMITS.includes(each))) : blank));
  const [initial] = useState(texts);
  const [state, setState] = useState({ busy: false, error: null, errors: {} });
  const submit = async (event) => {
    event.preventDefault();
    const { body, errors } = toChanges(texts, blank); // all limits: the API removes limits that are not sent
    if (owner === "" && !name.trim()) errors.owner = "Enter an owner.";
    if (Object.keys(errors).length) return setState({ busy: false, error: null, errors });
    setState({ busy: true, error: null, errors: {} });
    await onSave(owner === null ? null : name.trim(), body).catch((error) => setState(error.param in texts
      ? { busy: false, error: null, errors: { [error.param]: error.message } } : { busy: false, error, errors: {} }));
    return undefined;
  };
  const field = (each) => ({
    value: texts[each], error: state.errors[each], autocomplete: "off", onInput: (text) => setTexts((previous) => ({ ...previous, [each]: text })),
  });
  const title = owner === null ? "Limits of the gateway" : owner ? `Limits of ${owner}` : "Add owner limits";
  const actions = html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" type="submit" form="level-form" busy=${state.busy}>Save<//>`;
  return html`
    <${Dialog} open wide title=${title} onClose=${onClose} actions=${actions} dirty=${isChanged(texts, initial) || name !== (owner ?? "")}>
      <form class="form key-form" id="level-form" onSubmit=${submit} novalidate>
        ${owner === "" && html`<${Field} label="Owner" value=${name} onInput=${setName} list=${owners} error=${state.errors.owner} maxlength="128" autocomplete="off" />`}
        <${LimitFields} field=${field} />
        ${state.error && html`<${ErrorNote} error=${state.error} />`}
      </form>
    <//>`;
}
