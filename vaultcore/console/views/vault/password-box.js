// The password of a vault, with what can be said of its strength, and the format that it seals.

import { html, useState, Button, Copy, ErrorNote, Field, Section, Toggle } from "./parts.js";
import { BITS, strength, weakness } from "./password.js";

const V2 = "600,000 rounds instead of 210,000, and a commitment to its key. This gateway opens both; VaultEdge's own tools open v1 alone.";
const HINT = `“Generate” makes one of ${BITS} bits, which nobody guesses. Keep it apart from the string: together they are the keys. Nobody can recover it.`;

/**
 * Password: held ({ keys, password, made, version, allow }), drafted (a key is typed but not in the list),
 * onChange(more), onGenerate, busy, error, onSeal(event).
 */
export function Password({ held, drafted, onChange, onGenerate, busy, error, onSeal }) {
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
          onInput=${(password) => onChange({ password, made: false, allow: false })} autocomplete="off" autocapitalize="off" spellcheck=${false}
          hint=${HINT} />
        <div class="vault-strength">
          <${Strength} password=${held.password} weak=${weak} made=${held.made} />
          <span class=${held.password ? "" : "unseen"}><${Copy} text=${held.password} label="Copy password" /></span>
        </div>
        ${held.password && weak && html`
          <${Toggle} label="Seal with this weak password all the same" checked=${held.allow} onChange=${(allow) => onChange({ allow })} />`}
        <${Toggle} label="Use the stronger format, v2" checked=${held.version === 2} hint=${V2} onChange=${(on) => onChange({ version: on ? 2 : 1 })} />
        ${error && html`<${ErrorNote} error=${error} />`}
        <div class="actions">
          <${Button} kind="main" type="submit" icon="vault" busy=${busy}
            disabled=${drafted || !held.keys.length || !held.password || (weak !== null && !held.allow)}>${busy ? "Sealing …" : "Seal the vault"}<//>
          <span class="dim small">${drafted ? "A key is typed that is not in the list: add it first." : held.keys.length ? "" : "Add a key first."}</span>
        </div>
      </form>
    <//>`;
}

/** What this page can tell: it knows what everybody tries first, and not whether somebody has written a phrase before. */
function Strength({ password, weak, made }) {
  const share = made ? 1 : strength(password);
  const word = !password ? "No password yet" : weak ? `Weak: ${weak}` : made ? `Strong: ${BITS} bits, by chance`
    : `${share >= 1 ? "Good" : "Fair"}, if it is no phrase that others know`;
  const kind = !password ? "none" : weak ? "bad" : share >= 1 ? "good" : "fair";
  return html`
    <div class=${`vault-meter ${kind}`} role="status" aria-label="Strength of the password">
      <div class="vault-track"><div style=${{ width: `${Math.round(share * 100)}%` }}></div></div><p class="small">${word}</p>
    </div>`;
}
