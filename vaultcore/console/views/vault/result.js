// The sealed vault: the string, to be copied or downloaded, and commands that use it.

import { html, useEffect, useRef, Button, Code, Copy, Section, Tag, format, toast } from "./components.js";

const COMMANDS = "vaultedge vault import --file vault.txt\nvaultedge vault push --stack vaultedge --file vault.txt";

/** SealedVault: text (the vault string), vault ({ keys, version }), onSaved() (it was copied or downloaded). Scrolls into view and takes the focus. */
export function SealedVault({ text, vault, onSaved }) {
  const ref = useRef(null);
  useEffect(() => {
    ref.current.focus({ preventScroll: true });
    ref.current.scrollIntoView({ block: "nearest" });
  }, [text]);
  const takeText = () => {
    onSaved();
    return text;
  };
  return html`
    <div ref=${ref} tabindex="-1" class="vault-sealed" role="group" aria-label="Sealed vault">
      <${Section} title="Sealed" actions=${html`<${Tag} kind="good">v${vault.version}, ${format.number(vault.keys.length)} ${vault.keys.length === 1 ? "key" : "keys"}<//>`}>
        <pre class="vault-string" tabindex="0" role="region" aria-label="vault string" onCopy=${onSaved}><code>${text}</code></pre>
        <div class="actions"><${Copy} text=${takeText} label="Copy string" /><${Button} small icon="download" onClick=${() => download(takeText())}>Download<//></div>
        <p class="dim small">Import the string on a machine, or push it to a stack on AWS; both commands ask for the password. The settings are${" "}
          <code>VAULTEDGE_VAULT</code> and <code>VAULTEDGE_PASSWORD</code>.</p>
        <${Code} label="commands" text=${COMMANDS} />
      <//>
    </div>`;
}

function download(text) {
  const address = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: "vault.txt" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  toast("vault.txt downloaded.", "good");
}
