// What owners and the gateway as a whole may use, and changing that.

import { html, useState, Button, Dialog, ErrorNote, Field, IconButton, Loaded, Meter, Section, confirm, toast, useAsked } from "../../ui/index.js";
import { LIMITS, draft, read } from "../keys/draft.js";
import { LimitFields, changed } from "../keys/form.js";
import { meters, rates } from "../keys/rows.js";

/** Levels: api, owners (names that keys have). */
export function Levels({ api, owners }) {
  const asked = useAsked((signal) => api.get("admin/limits", { signal }), []);
  const [held, edit] = useState(null); // { owner (null: the gateway, "": a new one), level }
  const path = (owner) => (owner === null ? "admin/limits/gateway" : `admin/limits/owners/${encodeURIComponent(owner)}`);
  const save = async (owner, body) => {
    asked.set(await api.put(path(owner), body));
    edit(null);
    toast("The limits are changed", "good");
  };
  const drop = async (owner) => {
    const sure = await confirm({ title: `No limits for ${owner}?`, action: "Remove", danger: true,
      text: "The keys of this owner are then limited by nothing but their own limits." });
    if (sure) await api.delete(path(owner)).then(asked.set, (error) => toast(`Not removed: ${error.message}`, "bad"));
  };
  const add = html`<${Button} small icon="plus" onClick=${() => edit({ owner: "", level: null })}>Limit an owner<//>`;
  return html`
    <${Section} title="Gateway and owners" class="levels-card" actions=${add}>
      <p class="dim">What everything that passes may use together, and all keys of an owner. It counts from when they were limited first.</p>
      <${Loaded} asked=${asked}>${({ gateway, owners: limited }) => html`
        <div class="levels">
          <${Level} name="The gateway" level=${gateway} onEdit=${() => edit({ owner: null, level: gateway })} />
          ${Object.entries(limited).map(([owner, level]) => html`
            <${Level} key=${owner} name=${owner} level=${level} onEdit=${() => edit({ owner, level })} onDrop=${() => drop(owner)} />`)}
        </div>`}<//>
      ${held && html`<${LevelForm} ...${held} owners=${owners} onSave=${save} onClose=${() => edit(null)} />`}
    <//>`;
}

function Level({ name, level, onEdit, onDrop }) {
  const limits = meters(level);
  return html`
    <div class="level">
      <header><h3>${name}</h3><span class="row-actions"><${IconButton} icon="edit" label=${`Edit limits of ${name}`} onClick=${onEdit} />
        ${onDrop && html`<${IconButton} icon="trash" kind="danger" label=${`Remove limits of ${name}`} onClick=${onDrop} />`}</span></header>
      ${limits.map((each) => html`<div key=${each.id}><p class="dim small">${each.name}</p>
        <${Meter} used=${each.used} most=${each.most} label=${`${each.name} of ${name}`} text=${each.text} /></div>`)}
      <p class="dim small">Rate: ${rates(level)}</p>
    </div>`;
}

function LevelForm({ owner, level, owners, onSave, onClose }) {
  const [name, call] = useState(owner ?? "");
  const blank = Object.fromEntries(LIMITS.map((each) => [each, ""]));
  const [now, write] = useState(() => (level ? Object.fromEntries(Object.entries(draft(level)).filter(([each]) => LIMITS.includes(each))) : blank));
  const [before] = useState(now);
  const [state, become] = useState({ busy: false, error: null, errors: {} });
  const submit = async (event) => {
    event.preventDefault();
    const { body, errors } = read(now, blank); // all of them: what is not sent is not limited
    if (owner === "" && !name.trim()) errors.owner = "Whose keys?";
    if (Object.keys(errors).length) return become({ busy: false, error: null, errors });
    become({ busy: true, error: null, errors: {} });
    await onSave(owner === null ? null : name.trim(), body).catch((error) => become(error.param in now
      ? { busy: false, error: null, errors: { [error.param]: error.message } } : { busy: false, error, errors: {} }));
    return undefined;
  };
  const field = (each) => ({
    value: now[each], error: state.errors[each], autocomplete: "off", onInput: (text) => write((held) => ({ ...held, [each]: text })),
  });
  const title = owner === null ? "Limits of the gateway" : owner ? `Limits of ${owner}` : "Limit an owner";
  const actions = html`<${Button} onClick=${onClose}>Cancel<//><${Button} kind="main" type="submit" form="level-form" busy=${state.busy}>Save<//>`;
  return html`
    <${Dialog} open wide title=${title} onClose=${onClose} actions=${actions} dirty=${changed(now, before) || name !== (owner ?? "")}>
      <form class="form key-form" id="level-form" onSubmit=${submit} novalidate>
        ${owner === "" && html`<${Field} label="Owner" value=${name} onInput=${call} list=${owners} error=${state.errors.owner} maxlength="128" autocomplete="off" />`}
        <${LimitFields} field=${field} />
        ${state.error && html`<${ErrorNote} error=${state.error} />`}
      </form>
    <//>`;
}
