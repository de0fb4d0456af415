// The keys of a vault: a form to add or edit a key, and the list in order of use.

import { html, useRef, useState, Button, Empty, Field, IconButton, Section, Tag, confirm, format } from "./components.js";
import { PROVIDERS } from "./providers.js";

/** The empty form; `at` is the index of the edited key. */
export const BLANK = { provider: "", key: "", at: null };

/** Mask a key like the gateway: the first and last four characters, if it has more than eight. */
export function mask(key) {
  const signs = [...key];
  return signs.length > 8 ? `${signs.slice(0, 4).join("")}...${signs.slice(-4).join("")}` : "****";
}

/** Keys: keys ([{ provider, key }]), openedVersion (of the opened vault string, or 0), onChange(keys); draft and onDraft(draft). */
export function Keys({ keys, openedVersion, draft, onDraft: write, onChange }) {
  const [error, setError] = useState("");
  const form = useRef(null);
  const close = () => {
    write(BLANK);
    setError("");
  };
  const save = (event) => {
    event.preventDefault();
    const entry = { provider: draft.provider.trim(), key: draft.key.trim() };
    const duplicate = keys.findIndex((each) => each.key === entry.key && each.provider.toLowerCase() === entry.provider.toLowerCase());
    if (duplicate >= 0 && duplicate !== draft.at) return setError("This key is already in the list.");
    onChange(draft.at === null ? [...keys, entry] : keys.map((each, at) => (at === draft.at ? entry : each)));
    close();
    form.current.querySelector("input").focus();
    return undefined;
  };
  const edit = (at) => {
    write({ ...keys[at], at });
    setError("");
    form.current.querySelectorAll("input")[1].focus();
  };
  const remove = async (at) => {
    const text = `Key ${mask(keys[at].key)} of ${keys[at].provider} will be removed from this list. It stays valid at the provider.`;
    if (!(await confirm({ title: "Remove this key?", text, action: "Remove", danger: true }))) return;
    close();
    onChange(keys.filter((_, each) => each !== at));
  };
  const move = (at, to) => {
    close();
    const rest = keys.filter((_, each) => each !== at);
    onChange([...rest.slice(0, to), keys[at], ...rest.slice(to)]);
  };
  return html`
    <${Section} title="Provider keys" actions=${keys.length > 0 && html`<${Tag}>${format.number(keys.length)} ${keys.length === 1 ? "key" : "keys"}<//>`}>
      ${openedVersion > 0 && html`<p class="note" role="status">Vault opened. Edit the keys, then seal the vault again.</p>`}
      <form ref=${form} class="vault-add" onSubmit=${save} autocomplete="off">
        <${Field} label="Provider" value=${draft.provider} onInput=${(provider) => write({ ...draft, provider })} list=${PROVIDERS}
          placeholder="openai" autocomplete="off" autocapitalize="off" spellcheck=${false} required />
        <${Field} label="Key" type="password" value=${draft.key} onInput=${(key) => write({ ...draft, key })} error=${error}
          autocomplete="off" autocapitalize="off" spellcheck=${false} required />
        <div class="actions">
          <${Button} type="submit" icon=${draft.at === null ? "plus" : "done"} disabled=${!draft.provider.trim() || !draft.key.trim()}>
            ${draft.at === null ? "Add key" : "Save key"}<//>
          ${draft.at !== null && html`<${Button} kind="plain" onClick=${close}>Cancel<//>`}
        </div>
      </form>
      ${keys.length
        ? html`<ol class="vault-keys" aria-label="Keys in this vault">${keys.map((each, at) => html`
            <${Row} key=${`${each.provider} ${each.key}`} each=${each} last=${at === keys.length - 1} first=${at === 0} edited=${draft.at === at}
              onEdit=${() => edit(at)} onRemove=${() => remove(at)} onMove=${(step) => move(at, at + step)} />`)}</ol>
          <p class="dim small">Keys of the same provider are used in this order.</p>`
        : html`<${Empty} icon="vault" title="No keys yet">Add a key above, or open an existing vault string.<//>`}
    <//>`;
}

function Row({ each, first, last, edited, onEdit, onRemove, onMove }) {
  const what = `${each.provider} ${mask(each.key)}`;
  return html`
    <li class=${edited ? "editing" : ""}>
      <span class="vault-name">${each.provider}</span><code>${mask(each.key)}</code>
      <span class="vault-tools">
        <${IconButton} icon="up" label=${`Move ${what} up`} disabled=${first} onClick=${() => onMove(-1)} />
        <${IconButton} icon="down" label=${`Move ${what} down`} disabled=${last} onClick=${() => onMove(1)} />
        <${IconButton} icon="edit" label=${`Edit ${what}`} onClick=${onEdit} />
        <${IconButton} icon="trash" kind="danger" label=${`Remove ${what}`} onClick=${onRemove} />
      </span>
    </li>`;
}
