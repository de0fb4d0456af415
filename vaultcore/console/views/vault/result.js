// A sealed vault: the string, to be copied or downloaded, and what to do with it.

import { html, useEffect, useRef, Button, Code, Copy, Section, Tag, format, toast } from "./parts.js";

const COMMANDS = "vaultedge vault import --file vault.txt\nvaultedge vault push --stack vaultedge --file vault.txt";

/** Sealed: text (the vault string), held ({ keys, version }), onKept: it was copied or saved. Comes into sight and takes the focus. */
export function Sealed({ text, held, onKept }) {
  const ref = useRef(null);
  useEffect(() => {
    ref.current.focus({ preventScroll: true });
    ref.current.scrollIntoView({ block: "nearest" });
  }, [text]);
  const taken = () => {
    onKept();
    return text;
  };
  return html`
    <div ref=${ref} tabindex="-1" class="vault-sealed" role="group" aria-label="Sealed vault">
      <${Section} title="Sealed" actions=${html`<${Tag} kind="good">v${held.version}, ${format.number(held.keys.length)} ${held.keys.length === 1 ? "key" : "keys"}<//>`}>
        <pre class="vault-string" tabindex="0" role="region" aria-label="vault string" onCopy=${onKept}><code>${text}</code></pre>
        <div class="actions"><${Copy} text=${taken} label="Copy string" /><${Button} small icon="download" onClick=${() => download(taken())}>Download<//></div>
        <p class="dim small">Use it on a machine, or push it to a stack on AWS; both ask for the password. As settings they
          are called <code>VAULTEDGE_VAULT</code> and <code>VAULTEDGE_PASSWORD</code>.</p>
        <${Code} label="commands" text=${COMMANDS} />
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
