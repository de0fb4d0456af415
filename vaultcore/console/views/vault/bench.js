// Where a vault is built, opened and sealed: all that is typed is in this component, and gone with it.

import { html, useEffect, useState, Button, Page, Section, Tabs, confirm } from "./parts.js";
import { BLANK, Keys } from "./keys.js";
import { Opener, UNTYPED } from "./opener.js";
import { Password } from "./password-box.js";
import { generate, weakness } from "./password.js";
import { Sealed } from "./result.js";
import { seal } from "./sealed.js";

const TABS = [["build", "Build a vault"], ["open", "Open a vault"]];
const NEW = { keys: [], password: "", made: false, version: 1, allow: false, opened: 0 };
const IDLE = { busy: false, error: null, sealed: null };

/** Bench: intro, onHolds({ secret, unsaved }): whether anything is typed, and whether leaving would lose it; children. */
export function Bench({ intro, onHolds, children }) {
  const [held, hold] = useState(NEW);
  const [draft, write] = useState(BLANK);
  const [typed, type] = useState(UNTYPED);
  const [tab, choose] = useState("build");
  const [state, become] = useState(IDLE);
  const [kept, keep] = useState(false); // the keys are in a string that somebody has
  const unsaved = draft.key !== "" || (held.keys.length > 0 && !kept);
  const secret = unsaved || held.keys.length > 0 || Boolean(held.password || typed.text || typed.password);
  useEffect(() => onHolds?.({ secret, unsaved }), [secret, unsaved]);
  useWarning(unsaved);
  const change = (more) => {
    hold((before) => ({ ...before, ...more }));
    become(IDLE); // what was sealed before is no longer what is shown
    keep(false);
  };
  const run = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    become({ ...IDLE, busy: true });
    const sealed = await seal(held.keys, held.password, held.version).catch((error) => become({ ...IDLE, error }));
    if (sealed) become({ ...IDLE, sealed });
    if (sealed) keep(false);
  };
  const opened = (found) => {
    hold({ ...NEW, ...found, opened: found.version, allow: weakness(found.password) !== null });
    become(IDLE);
    keep(true);
    type(UNTYPED);
    choose("build");
  };
  const forget = async () => {
    const sure = !unsaved || (await confirm({ title: "Start over?", danger: true, action: "Forget them",
      text: "The keys and the password on this page are forgotten. They cannot be brought back." }));
    if (!sure) return;
    hold(NEW);
    write(BLANK);
    type(UNTYPED);
    become(IDLE);
    keep(false);
  };
  if (!globalThis.crypto?.subtle) return html`<${Page} title="Vault" intro=${intro}><${Insecure} /><//>`;
  return html`
    <${Page} title="Vault" intro=${intro} actions=${secret && html`<${Button} icon="trash" onClick=${forget}>Start over<//>`}>
      <${Tabs} label="Vault" tabs=${TABS} chosen=${tab} onChoose=${choose}>
        ${tab === "open" ? html`<${Opener} typed=${typed} onType=${type} filled=${unsaved} onOpened=${opened} />` : html`
          <div class="vault">
            <${Keys} keys=${held.keys} opened=${held.opened} draft=${draft} onDraft=${write} onChange=${(keys) => change({ keys })} />
            <${Password} held=${held} drafted=${draft.key !== ""} onChange=${change} busy=${state.busy} error=${state.error} onSeal=${run}
              onGenerate=${() => change({ password: generate(), made: true })} />
            ${state.sealed && html`<${Sealed} text=${state.sealed} held=${held} onKept=${() => keep(true)} />`}
          </div>`}
      <//>
      ${children}
    <//>`;
}

const Insecure = () => html`
  <${Section} title="Not on this address">
    <p>Browsers compute with keys only on <code>localhost</code> and over HTTPS. Open the page there, or use
      <code>vaultedge vault export</code> on your machine.</p>
  <//>`;

/** Ask before the tab is closed over something that is nowhere else. */
function useWarning(needed) {
  useEffect(() => {
    if (!needed) return undefined;
    const warn = (event) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [needed]);
}
