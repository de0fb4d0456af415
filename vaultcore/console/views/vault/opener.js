// Opening a vault string: from the clipboard or a file, with its password.

import { html, useRef, useState, Button, ErrorNote, Field, Section, confirm } from "./parts.js";
import { MAX_SEALED } from "./armor.js";
import { openSpelled } from "./sealed.js";

/** Nothing is typed yet. */
export const UNTYPED = { text: "", password: "" };

/**
 * Opener: typed ({ text, password }), onType (sets it, by value or function), filled (there are keys on the page that would be lost),
 * onOpened({ keys, password, version }).
 */
export function Opener({ typed, onType, filled, onOpened }) {
  const { text, password } = typed;
  const write = (more) => onType((before) => ({ ...before, text: more }));
  const [state, become] = useState({ busy: false, error: null });
  const file = useRef(null);
  const run = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    const ask = { title: "Replace the keys on this page?", danger: true, action: "Replace them",
      text: "What you have added here is forgotten, and the keys of the vault string take its place." };
    if (filled && !(await confirm(ask))) return;
    become({ busy: true, error: null });
    const found = await openSpelled(text, password).catch((error) => become({ busy: false, error }));
    if (found) onOpened(found);
  };
  const read = async (event) => {
    const [chosen] = event.currentTarget.files;
    if (chosen) write((await chosen.slice(0, MAX_SEALED + 100).text()).trim());
  };
  return html`
    <${Section} title="Open a vault string">
      <form class="form" onSubmit=${run} autocomplete="off">
        <${Field} label="Vault string" area="6" value=${text} onInput=${write} placeholder="VE_VAULT_v1_…" autocomplete="off" autocapitalize="off"
          spellcheck=${false} required />
        <div class="actions">
          <input ref=${file} class="hidden" type="file" accept=".txt,text/plain" tabindex="-1" aria-label="File with a vault string" onChange=${read} />
          <${Button} small icon="upload" onClick=${() => file.current.click()}>From a file<//>
        </div>
        <${Field} label="Its password" type="password" value=${password} onInput=${(more) => onType((before) => ({ ...before, password: more }))} autocomplete="off" autocapitalize="off" spellcheck=${false} required />
        ${state.error && html`<${ErrorNote} error=${state.error} />`}
        <div class="actions"><${Button} kind="main" type="submit" icon="key" busy=${state.busy} disabled=${!text.trim() || !password}>
          ${state.busy ? "Opening …" : "Open"}<//></div>
      </form>
    <//>`;
}
