// The form that opens a vault string, pasted or from a file, with its password.

import { html, useRef, useState, Button, ErrorNote, Field, Section, confirm } from "./components.js";
import { MAX_SEALED } from "./armor.js";
import { openNormalized } from "./vault-string.js";

/** The empty form. */
export const EMPTY_INPUT = { text: "", password: "" };

/**
 * OpenForm: input ({ text, password }), onInput (sets it, by value or function), hasUnsavedKeys (opening would replace them),
 * onOpened({ keys, password, version }).
 */
export function OpenForm({ input, onInput, hasUnsavedKeys, onOpened }) {
  const { text, password } = input;
  const write = (more) => onInput((before) => ({ ...before, text: more }));
  const [state, setState] = useState({ busy: false, error: null });
  const file = useRef(null);
  const run = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    const question = { title: "Replace the keys on this page?", danger: true, action: "Replace keys",
      text: "The keys on this page are not saved. The keys of the vault string will replace them." };
    if (hasUnsavedKeys && !(await confirm(question))) return;
    setState({ busy: true, error: null });
    const contents = await openNormalized(text, password).catch((error) => setState({ busy: false, error }));
    if (contents) onOpened(contents);
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
          <input ref=${file} class="visually-hidden" type="file" accept=".txt,text/plain" tabindex="-1" aria-label="File with a vault string" onChange=${read} />
          <${Button} small icon="upload" onClick=${() => file.current.click()}>Load from file<//>
        </div>
        <${Field} label="Password" type="password" value=${password} onInput=${(more) => onInput((before) => ({ ...before, password: more }))} autocomplete="off" autocapitalize="off" spellcheck=${false} required />
        ${state.error && html`<${ErrorNote} error=${state.error} />`}
        <div class="actions"><${Button} kind="main" type="submit" icon="key" busy=${state.busy} disabled=${!text.trim() || !password}>
          ${state.busy ? "Opening …" : "Open"}<//></div>
      </form>
    <//>`;
}
