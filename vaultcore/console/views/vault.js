// Vault: provider keys, sealed and opened in the browser. This page asks nobody anything, not even this gateway.

import { html, useState, Button, Code, Icon, Section } from "../ui/index.js";
import { ALONE } from "./vault/alone-digest.js";
import { Bench } from "./vault/bench.js";
import { useLeaving } from "./vault/leaving.js";

const INTRO = "One encrypted string that holds your provider keys. It is made and opened in this page: keys and password are sent to nobody, "
  + "stored nowhere, and forgotten when you leave.";
const QUESTION = {
  title: "Leave the vault?", danger: true, action: "Leave and forget",
  text: "What is typed here is nowhere else, unless you have copied or saved the sealed string. Leaving forgets keys and password.",
};

export default function Vault() {
  const [{ secret, unsaved }, tell] = useState({ secret: false, unsaved: false });
  useLeaving(unsaved, QUESTION);
  return html`<${Bench} intro=${INTRO} onHolds=${tell}><${Alone} secret=${secret} /><//>`;
}

/** Alone: secret (something is typed: then nothing is asked for, not even the file). */
const Alone = ({ secret }) => html`
  <${Section} title="Without a network" class="vault-alone">
    <p>The same page as one file, for a computer that has no network or shall not use it. Its own policy forbids it to talk to
      anybody. Compare its SHA-256 before you trust it, best with the one in the repository's <code>docs/vault.md</code>:</p>
    <${Code} inline label="SHA-256 of the file" text=${ALONE} />
    <div class="actions">
      ${secret ? html`<${Button} icon="download" disabled>Download this page as one file<//>
          <span class="dim small">Not while something is typed here: this page then asks for nothing. Open it in another tab.</span>`
        : html`<a class="button" href="vault.html" download="vaultedge-vault.html"><${Icon} name="download" /><span>Download this page as one file</span></a>`}
    </div>
  <//>`;
