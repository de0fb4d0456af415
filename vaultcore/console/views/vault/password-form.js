// The password form: generation, strength, and the format version.

import { html, useState, Button, Copy, ErrorNote, Field, Section, Toggle } from "./components.js";
import { BITS, strength, weakness } from "./password.js";

const V2 = "600,000 PBKDF2 rounds instead of 210,000, and key commitment. This gateway opens both; the original VaultEdge (TypeScript) opens only v1.";
const HINT = `“Generate” creates a password with ${BITS} bits of entropy. Store it separately from the vault string. A lost password cannot be recovered.`;

/**
 * PasswordForm: vault ({ keys, password, generated, version, allow }), hasDraft (a key is typed but not added),
 * onChange(more), onGenerate, busy, error, onSeal(event).
 */
export function PasswordForm({ vault, hasDraft, onChange, onGenerate, busy, error, onSeal }) {
  const [visible, setVisible] = useState(false);
  const weak = weakness(vault.password);
  const generate = () => {
    setVisible(true);
    onGenerate();
  };
  const showButton = html`
    <${Button} onClick=${() => setVisible(!visible)} aria-pressed=${visible ? "true" : "false"}>${visible ? "Hide" : "Show"}<//>`;
  return html`
    <${Section} title="Password" actions=${html`<${Button} small icon="refresh" onClick=${generate}>Generate<//>`}>
      <form class="form" onSubmit=${onSeal} autocomplete="off">
        <${Field} label="Vault password" type=${visible ? "text" : "password"} value=${vault.password} suffix=${showButton}
          onInput=${(password) => onChange({ password, generated: false, allow: false })} autocomplete="off" autocapitalize="off" spellcheck=${false}
          hint=${HINT} />
        <div class="vault-strength">
          <${Strength} password=${vault.password} weak=${weak} generated=${vault.generated} />
          <span class=${vault.password ? "" : "invisible"}><${Copy} text=${vault.password} label="Copy password" /></span>
        </div>
        ${vault.password && weak && html`
          <${Toggle} label="Use this weak password anyway" checked=${vault.allow} onChange=${(allow) => onChange({ allow })} />`}
        <${Toggle} label="Use format v2 (stronger)" checked=${vault.version === 2} hint=${V2} onChange=${(on) => onChange({ version: on ? 2 : 1 })} />
        ${error && html`<${ErrorNote} error=${error} />`}
        <div class="actions">
          <${Button} kind="main" type="submit" icon="vault" busy=${busy}
            disabled=${hasDraft || !vault.keys.length || !vault.password || (weak !== null && !vault.allow)}>${busy ? "Sealing …" : "Seal vault"}<//>
          <span class="dim small">${hasDraft ? "The typed key is not in the list yet. Add it first." : vault.keys.length ? "" : "Add a key first."}</span>
        </div>
      </form>
    <//>`;
}

/** The estimated strength. It detects common words and sequences, but not well-known phrases. */
function Strength({ password, weak, generated }) {
  const share = generated ? 1 : strength(password);
  const label = !password ? "No password yet" : weak ? `Weak: ${weak}` : generated ? `Strong: ${BITS} bits, randomly generated`
    : `${share >= 1 ? "Good" : "Fair"}, unless it is a well-known phrase`;
  const kind = !password ? "none" : weak ? "bad" : share >= 1 ? "good" : "fair";
  return html`
    <div class=${`vault-meter ${kind}`} role="status" aria-label="Password strength">
      <div class="vault-track"><div style=${{ width: `${Math.round(share * 100)}%` }}></div></div><p class="small">${label}</p>
    </div>`;
}
