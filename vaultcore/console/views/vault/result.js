// A sealed vault: the string, to be copied or downloaded, and what to do with it.

import { html, useEffect, useRef, Button, Code, Copy, Section, Tag, format, toast } from "../../ui/index.js";

/** Sealed: text (the vault string), held ({ keys, version }). Comes into sight and takes the focus. */
export function Sealed({ text, held }) {
  const ref = useRef(null);
  useEffect(() => {
    ref.current.focus({ preventScroll: true });
    ref.current.scrollIntoView({ block: "nearest" });
  }, [text]);
  return html`
    <div ref=${ref} tabindex="-1" class="vault-sealed" role="group" aria-label="Sealed vault">
      <${Section} title="Sealed" actions=${html`<${Tag} kind="good">v${held.version}, ${format.number(held.keys.length)} ${held.keys.length === 1 ? "key" : "keys"}<//>`}>
        <pre class="vault-string" tabindex="0" role="region" aria-label="vault string"><code>${text}</code></pre>
        <div class="actions"><${Copy} text=${text} label="Copy string" /><${Button} small icon="download" onClick=${() => download(text)}>Download<//></div>
        <p class="dim small">Use it on a machine, or push it to a stack on AWS; both ask for the password. As settings they
          are called <code>VAULTEDGE_VAULT</code> and <code>VAULTEDGE_PASSWORD</code>.</p>
        <${Code} label="commands" text=${"vaultedge vault import \"$(cat vault.txt)\"\nvaultedge vault push --stack vaultedge --file vault.txt"} />
      <//>
    </div>`;
}

function download(text) {
  const address = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: "vault.txt" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  toast("vault.txt was saved.", "good");
}
