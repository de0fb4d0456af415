// Vault: provider keys, sealed and opened in the browser. This page asks nobody anything, not even this gateway.

import { html, useEffect, useState, Button, Page, Section, Tabs, confirm } from "../ui/index.js";
import { Keys } from "./vault/keys.js";
import { Opener } from "./vault/opener.js";
import { Password } from "./vault/password-box.js";
import { generate, weakness } from "./vault/password.js";
import { Sealed } from "./vault/result.js";
import { seal } from "./vault/sealed.js";

const TABS = [["build", "Build a vault"], ["open", "Open a vault"]];
const INTRO = "One encrypted string that holds your provider keys. It is made and opened in this page: keys and password are sent to nobody, "
  + "stored nowhere, and forgotten when you leave.";
const NEW = { keys: [], password: "", version: 1, allow: false, opened: 0 };

export default function Vault() {
  const [held, hold] = useState(NEW);
  const [tab, choose] = useState("build");
  const [state, become] = useState({ busy: false, error: null, sealed: null });
  const secret = held.keys.length > 0 || held.password !== "";
  useWarning(secret && !state.sealed);
  const change = (more) => {
    hold((before) => ({ ...before, ...more }));
    become({ busy: false, error: null, sealed: null }); // what was sealed before is no longer what is shown
  };
  const run = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    become({ busy: true, error: null, sealed: null });
    const sealed = await seal(held.keys, held.password, held.version).catch((error) => become({ busy: false, error, sealed: null }));
    if (sealed) become({ busy: false, error: null, sealed });
  };
  const opened = (found) => {
    hold({ ...NEW, ...found, opened: found.version, allow: weakness(found.password) !== null });
    become({ busy: false, error: null, sealed: null });
    choose("build");
  };
  const forget = async () => {
    const sure = state.sealed || (await confirm({ title: "Start over?", danger: true, action: "Forget them",
      text: "The keys and the password on this page are forgotten. They cannot be brought back." }));
    if (!sure) return;
    hold(NEW);
    become({ busy: false, error: null, sealed: null });
  };
  if (!globalThis.crypto?.subtle) return html`<${Page} title="Vault" intro=${INTRO}><${Insecure} /><//>`;
  return html`
    <${Page} title="Vault" intro=${INTRO} actions=${secret && html`<${Button} icon="trash" onClick=${forget}>Start over<//>`}>
      <${Tabs} label="Vault" tabs=${TABS} chosen=${tab} onChoose=${choose}>
        ${tab === "open" ? html`<${Opener} filled=${held.keys.length > 0} onOpened=${opened} />` : html`
          <div class="vault">
            <${Keys} keys=${held.keys} opened=${held.opened} onChange=${(keys) => change({ keys })} />
            <${Password} held=${held} onChange=${change} onGenerate=${() => change({ password: generate() })}
              busy=${state.busy} error=${state.error} onSeal=${run} />
            ${state.sealed && html`<${Sealed} text=${state.sealed} held=${held} />`}
          </div>`}
      <//>
    <//>`;
}

const Insecure = () => html`
  <${Section} title="Not on this address">
    <p>Browsers compute with keys only on <code>localhost</code> and over HTTPS. Open the console there, or use
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
