// Vault: seals and opens provider keys in the browser. This page makes no requests, not even to this gateway.

import { html, useState, Button, Code, Icon, Section } from "../ui/index.js";
import { OFFLINE_PAGE_SHA256 } from "./vault/offline-digest.js";
import { VaultEditor } from "./vault/editor.js";
import { useLeaveGuard } from "./vault/leave-guard.js";

const INTRO = "An encrypted string with your provider keys. It is sealed and opened in this page. Keys and password are never sent or stored, "
  + "and are cleared when you leave.";
const QUESTION = {
  title: "Leave the vault?", danger: true, action: "Leave",
  text: "Keys and password on this page will be lost unless you have copied or downloaded the sealed string.",
};

export default function Vault() {
  const [{ secret, unsaved }, tell] = useState({ secret: false, unsaved: false });
  useLeaveGuard(unsaved, QUESTION);
  return html`<${VaultEditor} intro=${INTRO} onChange=${tell}><${OfflinePage} secret=${secret} /><//>`;
}

/** OfflinePage: secret (the page contains secrets; it then makes no requests, not even for the file). */
const OfflinePage = ({ secret }) => html`
  <${Section} title="Offline version" class="vault-offline">
    <p>This page as a single file, for a computer without a network. Its content security policy blocks all connections.
      Compare its SHA-256 with the one in the repository's <code>docs/vault.md</code> before you use it:</p>
    <${Code} inline label="SHA-256 of the file" text=${OFFLINE_PAGE_SHA256} />
    <div class="actions">
      ${secret ? html`<${Button} icon="download" disabled>Download offline page<//>
          <span class="dim small">Unavailable while the page contains keys or a password, because it then makes no requests. Use another tab.</span>`
        : html`<a class="button" href="vault.html" download="vaultedge-vault.html"><${Icon} name="download" /><span>Download offline page</span></a>`}
    </div>
  <//>`;
