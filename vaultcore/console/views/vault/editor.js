// The vault editor: builds, opens and seals a vault. All input is in this component's state.

import { html, useEffect, useState, Button, Page, Section, Tabs, confirm } from "./components.js";
import { BLANK, Keys } from "./keys.js";
import { OpenForm, EMPTY_INPUT } from "./open-form.js";
import { PasswordForm } from "./password-form.js";
import { generate, weakness } from "./password.js";
import { SealedVault } from "./result.js";
import { seal } from "./vault-string.js";

const TABS = [["build", "Create a vault"], ["open", "Open a vault"]];
const NEW = { keys: [], password: "", generated: false, version: 1, allow: false, openedVersion: 0 };
const IDLE = { busy: false, error: null, sealed: null };

/** VaultEditor: intro, onChange({ secret, unsaved }) (the page contains secrets; leaving loses keys), children. */
export function VaultEditor({ intro, onChange, children }) {
  const [vault, setVault] = useState(NEW);
  const [draft, setDraft] = useState(BLANK);
  const [openInput, setOpenInput] = useState(EMPTY_INPUT);
  const [tab, setTab] = useState("build");
  const [state, setState] = useState(IDLE);
  const [isSaved, setIsSaved] = useState(false); // the keys are in a vault string outside of this page
  const unsaved = draft.key !== "" || (vault.keys.length > 0 && !isSaved);
  const secret = unsaved || vault.keys.length > 0 || Boolean(vault.password || openInput.text || openInput.password);
  useEffect(() => onChange?.({ secret, unsaved }), [secret, unsaved]);
  useUnloadWarning(unsaved);
  const change = (more) => {
    setVault((before) => ({ ...before, ...more }));
    setState(IDLE); // the sealed string no longer matches the input
    setIsSaved(false);
  };
  const run = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    setState({ ...IDLE, busy: true });
    const sealed = await seal(vault.keys, vault.password, vault.version).catch((error) => setState({ ...IDLE, error }));
    if (sealed) setState({ ...IDLE, sealed });
    if (sealed) setIsSaved(false);
  };
  const handleOpened = (contents) => {
    setVault({ ...NEW, ...contents, openedVersion: contents.version, allow: weakness(contents.password) !== null });
    setState(IDLE);
    setIsSaved(true);
    setOpenInput(EMPTY_INPUT);
    setTab("build");
  };
  const startOver = async () => {
    const confirmed = !unsaved || (await confirm({ title: "Start over?", danger: true, action: "Start over",
      text: "The keys and the password on this page will be lost." }));
    if (!confirmed) return;
    setVault(NEW);
    setDraft(BLANK);
    setOpenInput(EMPTY_INPUT);
    setState(IDLE);
    setIsSaved(false);
  };
  if (!globalThis.crypto?.subtle) return html`<${Page} title="Vault" intro=${intro}><${InsecureOrigin} /><//>`;
  return html`
    <${Page} title="Vault" intro=${intro} actions=${secret && html`<${Button} icon="trash" onClick=${startOver}>Start over<//>`}>
      <${Tabs} label="Vault" tabs=${TABS} selected=${tab} onSelect=${setTab}>
        ${tab === "open" ? html`<${OpenForm} input=${openInput} onInput=${setOpenInput} hasUnsavedKeys=${unsaved} onOpened=${handleOpened} />` : html`
          <div class="vault">
            <${Keys} keys=${vault.keys} openedVersion=${vault.openedVersion} draft=${draft} onDraft=${setDraft} onChange=${(keys) => change({ keys })} />
            <${PasswordForm} vault=${vault} hasDraft=${draft.key !== ""} onChange=${change} busy=${state.busy} error=${state.error} onSeal=${run}
              onGenerate=${() => change({ password: generate(), generated: true })} />
            ${state.sealed && html`<${SealedVault} text=${state.sealed} vault=${vault} onSaved=${() => setIsSaved(true)} />`}
          </div>`}
      <//>
      ${children}
    <//>`;
}

const InsecureOrigin = () => html`
  <${Section} title="Secure connection required">
    <p>Browsers provide WebCrypto only on <code>localhost</code> and over HTTPS. Open this page there, or run${" "}
      <code>vaultedge vault export</code>.</p>
  <//>`;

/** Warn before the tab is closed while unsaved keys exist. */
function useUnloadWarning(needed) {
  useEffect(() => {
    if (!needed) return undefined;
    const warn = (event) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [needed]);
}
