// The keys of a vault: a form that adds one or changes one, and the list in the order in which a provider's are used.

import { html, useRef, useState, Button, Empty, Field, IconButton, Section, Tag, confirm, format } from "./parts.js";
import { PROVIDERS } from "./providers.js";

/** What is typed into the form before anything is; `at` is the place of a key that is being changed. */
export const BLANK = { provider: "", key: "", at: null };

/** A key as it may be shown: as VaultEdge masks, the first and last four of more than eight characters. */
export function masked(key) {
  const signs = [...key];
  return signs.length > 8 ? `${signs.slice(0, 4).join("")}...${signs.slice(-4).join("")}` : "****";
}

/** Keys: keys ([{ provider, key }]), opened (the version they came from, or 0), onChange(keys); draft and onDraft(draft). */
export function Keys({ keys, opened, draft, onDraft: write, onChange }) {
  const [error, say] = useState("");
  const form = useRef(null);
  const close = () => {
    write(BLANK);
    say("");
  };
  const save = (event) => {
    event.preventDefault();
    const made = { provider: draft.provider.trim(), key: draft.key.trim() };
    const twin = keys.findIndex((each) => each.key === made.key && each.provider.toLowerCase() === made.provider.toLowerCase());
    if (twin >= 0 && twin !== draft.at) return say("That key is in the list already.");
    onChange(draft.at === null ? [...keys, made] : keys.map((each, at) => (at === draft.at ? made : each)));
    close();
    form.current.querySelector("input").focus();
    return undefined;
  };
  const edit = (at) => {
    write({ ...keys[at], at });
    say("");
    form.current.querySelectorAll("input")[1].focus();
  };
  const remove = async (at) => {
    const text = `The key ${masked(keys[at].key)} of ${keys[at].provider} leaves this list. It stays good at its provider.`;
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
      ${opened > 0 && html`<p class="note" role="status">Opened. Change what you like, then seal it anew.</p>`}
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
          <p class="dim small">Of several keys of one provider, the first is used first.</p>`
        : html`<${Empty} icon="vault" title="No keys yet">Add the first above, or open a vault string that you have.<//>`}
    <//>`;
}

function Row({ each, first, last, edited, onEdit, onRemove, onMove }) {
  const what = `${each.provider} ${masked(each.key)}`;
  return html`
    <li class=${edited ? "edited" : ""}>
      <span class="vault-name">${each.provider}</span><code>${masked(each.key)}</code>
      <span class="vault-tools">
        <${IconButton} icon="up" label=${`Move ${what} up`} disabled=${first} onClick=${() => onMove(-1)} />
        <${IconButton} icon="down" label=${`Move ${what} down`} disabled=${last} onClick=${() => onMove(1)} />
        <${IconButton} icon="edit" label=${`Change ${what}`} onClick=${onEdit} />
        <${IconButton} icon="trash" kind="danger" label=${`Remove ${what}`} onClick=${onRemove} />
      </span>
    </li>`;
}
