// Shown while the console verifies the key stored in this tab, and when that verification fails.

import { html, useEffect } from "./ui/html.js";
import { Button } from "./ui/controls.js";
import { useAutoRetry } from "./ui/auto-retry.js";
import { restore, signOut } from "./session.js";
import { Empty, ErrorNote, Loading, Page } from "./ui/shell.js";

/** SessionRestore: title (of the requested page), session. */
export function SessionRestore({ title, session }) {
  const { error, restoring } = session;
  useAutoRetry(error, restore);
  useEffect(() => {
    if (error) document.querySelector("#content h1")?.focus({ preventScroll: true });
  }, [Boolean(error)]);
  if (!error) return html`<${Page} title=${title}><${Loading} label="Signing in …" /><//>`;
  return html`
    <${Page} title=${title}>
      <${ErrorNote} title="Could not verify this tab's key" error=${error} retry=${restore} />
      <${Empty} icon="key" title=${restoring ? "Retrying …" : "You are still signed in"}>
        This tab still has your key. <${Button} small kind="plain" onClick=${() => signOut()}>Sign out<//><//>
    <//>`;
}
