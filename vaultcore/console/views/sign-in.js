// Sign in with the admin key, or with a virtual key for its own pages.

import { parseAddress } from "../router.js";
import { signIn } from "../session.js";
import { html, useState, Button, ErrorNote, Field, Page, Section, Toggle } from "../ui/index.js";

export default function SignIn({ session, go, query }) {
  const [input, setInput] = useState("");
  const [keep, setKeep] = useState(false);
  const [state, setState] = useState({ busy: false, error: null });
  const submit = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    setState({ busy: true, error: null });
    try {
      await signIn(input, { keep });
      const next = parseAddress(query.next ?? "");
      go(next.name, next.query, { replace: true });
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  const invalid = state.error?.status === 401 ? "This gateway doesn't recognise that key. Check that you copied the whole key." : undefined;
  return html`
    <${Page} title="Sign in" intro="Your key stays in this page's memory and is sent only to this gateway.">
      <${Section}>
        ${session.notice && html`<p class="note" role="status">${session.notice}</p>`}
        <form class="form" onSubmit=${submit}>
          <${Field} label="Key" type="password" value=${input} onInput=${setInput} placeholder="va-… or vg_…" error=${invalid}
            hint="Use the admin key for full access, or a virtual key for its usage and models, the playground and the chat."
            autocomplete="off" spellcheck=${false} autocapitalize="off" required />
          <${Toggle} label="Stay signed in until this tab is closed" checked=${keep} onChange=${setKeep}
            hint="Stores the key in this tab's session storage. Otherwise you have to sign in again after a reload." />
          ${state.error && !invalid && html`<${ErrorNote} error=${state.error} />`}
          <div class="actions"><${Button} kind="main" type="submit" busy=${state.busy} disabled=${!input.trim()}>Sign in<//></div>
        </form>
      <//>
    <//>`;
}
