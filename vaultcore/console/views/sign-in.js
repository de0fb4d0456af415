// Sign in: with the admin key for everything, or with a virtual key for what is its own.

import { parsed } from "../router.js";
import { signIn } from "../session.js";
import { html, useState, Button, ErrorNote, Field, Page, Section, Toggle } from "../ui/index.js";

export default function SignIn({ session, go, query }) {
  const [typed, type] = useState("");
  const [keep, tick] = useState(false);
  const [state, become] = useState({ busy: false, error: null });
  const submit = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    become({ busy: true, error: null });
    try {
      await signIn(typed, { keep });
      const next = parsed(query.next ?? "");
      go(next.name, next.query, { replace: true });
    } catch (error) {
      become({ busy: false, error });
    }
  };
  const wrong = state.error?.status === 401 ? "No key of this gateway. Check that all of it was copied." : undefined;
  return html`
    <${Page} title="Sign in" intro="Keys stay in this page's memory and are sent to this gateway only.">
      <${Section}>
        ${session.said && html`<p class="note" role="status">${session.said}</p>`}
        <form class="form" onSubmit=${submit}>
          <${Field} label="Key" type="password" value=${typed} onInput=${type} placeholder="va-… or vg_…" error=${wrong}
            hint="The admin key opens everything. A virtual key opens its usage, its models, the playground and the chat."
            autocomplete="off" spellcheck=${false} autocapitalize="off" required />
          <${Toggle} label="Keep it until this tab is closed" checked=${keep} onChange=${tick}
            hint="In this tab's session storage. Without it, a reload asks again." />
          ${state.error && !wrong && html`<${ErrorNote} error=${state.error} />`}
          <div class="actions"><${Button} kind="main" type="submit" busy=${state.busy} disabled=${!typed.trim()}>Sign in<//></div>
        </form>
      <//>
    <//>`;
}
