// A page while it is not known who is signed in: the key that this tab keeps is being tried, or could not be.

import { html, useEffect } from "./ui/html.js";
import { Button } from "./ui/controls.js";
import { useComeback } from "./ui/comeback.js";
import { restore, signOut } from "./session.js";
import { Empty, ErrorNote, Loading, Page } from "./ui/shell.js";

/** Unsettled: title (of the page that is wanted), session. */
export function Unsettled({ title, session }) {
  const { failed, waiting } = session;
  useComeback(failed, restore);
  useEffect(() => {
    if (failed) document.querySelector("#content h1")?.focus({ preventScroll: true });
  }, [Boolean(failed)]);
  if (!failed) return html`<${Page} title=${title}><${Loading} label="Signing in …" /><//>`;
  return html`
    <${Page} title=${title}>
      <${ErrorNote} title="The key of this tab could not be tried" error=${failed} retry=${restore} />
      <${Empty} icon="key" title=${waiting ? "Trying again …" : "You are not signed out"}>
        The key is still kept in this tab. <${Button} small kind="plain" onClick=${() => signOut()}>Sign out<//><//>
    <//>`;
}
