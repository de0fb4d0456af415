// The password of a vault, with what can be said of its strength, and the format that it seals.

import { html, useState, Button, Copy, ErrorNote, Field, Section, Toggle } from "../../ui/index.js";
import { strength, weakness } from "./password.js";

const V2 = "600,000 rounds instead of 210,000, and a commitment to its key. This gateway opens both; VaultEdge's own tools open v1 alone.";

/** Password: held ({ keys, password, version, allow }), onChange(more), onGenerate, busy, error, onSeal(event). */
export function Password({ held, onChange, onGenerate, busy, error, onSeal }) {
  const [shown, show] = useState(false);
  const weak = weakness(held.password);
  const made = () => {
    show(true);
    onGenerate();
  };
  const eye = html`
    <${Button} onClick=${() => show(!shown)} aria-pressed=${shown ? "true" : "false"}>${shown ? "Hide" : "Show"}<//>`;
  return html`
    <${Section} title="Password" actions=${html`<${Button} small icon="refresh" onClick=${made}>Generate<//>`}>
      <form class="form" onSubmit=${onSeal} autocomplete="off">
        <${Field} label="Password of the vault" type=${shown ? "text" : "password"} value=${held.password} suffix=${eye}
          onInput=${(password) => onChange({ password, allow: false })} autocomplete="new-password" autocapitalize="off" spellcheck=${false}
          hint="Keep it apart from the string: together they are the keys. Nobody can recover it." />
        <div class="vault-strength">
          <${Strength} password=${held.password} weak=${weak} />
          <${Copy} text=${held.password} label="Copy password" />
        </div>
        ${held.password && weak && html`
          <${Toggle} label="Seal with this weak password all the same" checked=${held.allow} onChange=${(allow) => onChange({ allow })} />`}
        <${Toggle} label="Use the stronger format, v2" checked=${held.version === 2} hint=${V2} onChange=${(on) => onChange({ version: on ? 2 : 1 })} />
        ${error && html`<${ErrorNote} error=${error} />`}
        <div class="actions">
          <${Button} kind="main" type="submit" icon="vault" busy=${busy}
            disabled=${!held.keys.length || !held.password || (weak !== null && !held.allow)}>${busy ? "Sealing …" : "Seal the vault"}<//>
          <span class="dim small">${held.keys.length ? "" : "Add a key first."}</span>
        </div>
      </form>
    <//>`;
}

function Strength({ password, weak }) {
  const share = strength(password);
  const word = !password ? "No password yet" : weak ? `Weak: ${weak}` : share >= 1 ? "Strong" : "Good";
  const kind = !password ? "none" : weak ? "bad" : share >= 1 ? "good" : "fair";
  return html`
    <div class=${`vault-meter ${kind}`} role="status" aria-label="Strength of the password">
      <div class="vault-track"><div style=${{ width: `${Math.round(share * 100)}%` }}></div></div><p class="small">${word}</p>
    </div>`;
}
