// Playground: one question to one model, with everything that can be set, and everything that came of it.

import { connect } from "../api.js";
import { html, Button, Page, Section, Snippets, useAsked, useEffect, useMemo, useState } from "../ui/index.js";
import { Answer } from "./playground/answer.js";
import { programs } from "./playground/code.js";
import { save } from "./playground/export.js";
import { begun, write as put } from "./playground/draft.js";
import { models, usual } from "./playground/models.js";
import { Report } from "./playground/report.js";
import { request } from "./playground/request.js";
import { useRun } from "./playground/run.js";
import { Settings } from "./playground/settings.js";

export default function Playground({ session, api, query }) {
  const [form, write] = useState(() => ({ ...begun(), ...(query.model && { model: query.model }) }));
  const [key, choose] = useState({ which: "own", text: "" });
  const [shown, tell] = useState(false); // what is wrong, from the first attempt to send on
  const { run, start, stop } = useRun();
  useEffect(() => put(form), [form]);
  useEffect(() => {
    if (query.model) write((held) => ({ ...held, model: query.model }));
  }, [query.model]);
  const asking = useMemo(() => (key.which === "own" ? api : connect(bearer(key.text.trim()))), [api, key]);
  const asked = useAsked((signal) => models(api, session, signal), []);
  const told = { ...form, model: form.model ?? usual(asked.data ?? []) }; // null: nobody has touched the field
  const model = asked.data?.find((row) => row.id === told.model) ?? null;
  const kind = model?.type === "image" ? "image" : "chat";
  const { path, body, wrong } = request(told, kind);
  if (key.which === "other" && !key.text.trim()) wrong.key = "Paste a virtual key.";
  const busy = run.state === "waiting" || run.state === "streaming";
  const send = () => {
    tell(true);
    if (Object.keys(wrong).length) return requestAnimationFrame(() => document.querySelector(".playground [aria-invalid]")?.focus());
    const out = document.querySelector(".playground-out");
    if (out.getBoundingClientRect().top > innerHeight / 2) out.scrollIntoView({ block: "start" }); // below: a phone
    return start({ path, body, api: asking, admin: session.role === "admin" ? api : null });
  };
  const change = (name) => (value) => write((held) => ({ ...held, [name]: value }));
  return html`
    <${Page} title="Playground" wide intro="Ask one model one thing, and see what it says, what it costs, and what the gateway did on the way.">
      <form class="playground" onSubmit=${(event) => { event.preventDefault(); if (!busy) send(); }} onKeyDown=${(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); if (!busy) send(); }
      }} novalidate>
        <${Settings} form=${told} change=${change} wrong=${shown ? wrong : {}} kind=${kind} model=${model} asked=${asked}
          session=${session} choice=${key} choose=${choose}
          actions=${busy ? html`<${Button} key="stop" kind="danger" icon="stop" onClick=${stop}>Stop<//>`
            : html`<${Button} key="send" kind="main" icon="send" type="submit">Send<//>`} />
        <div class="playground-out">
          <${Answer} run=${run} kind=${kind}
            actions=${html`<${Button} small icon="download" disabled=${busy || run.state === "new"} onClick=${() => save(run)}>Export<//>`} />
          <${Report} run=${run} admin=${session.role === "admin"} />
          <${Section} title="Code"><${Snippets} of=${programs(api.base, path, body)} /><//>
        </div>
      </form>
    <//>`;
}

/** Keys for one that was pasted: it goes with requests, and nowhere else. */
const bearer = (text) => ({ mine: async () => text, play: async () => text, lost: () => {} });
