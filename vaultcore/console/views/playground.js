// Playground: sends one request to one model and shows the response, cost, attempts and sample code.

import { connect } from "../api.js";
import { html, Button, Page, Section, Snippets, useFetch, useEffect, useMemo, useState } from "../ui/index.js";
import { Answer } from "./playground/answer.js";
import { programs } from "./playground/code.js";
import { save } from "./playground/export.js";
import { savedForm, saveForm } from "./playground/draft.js";
import { loadModels, defaultModel } from "./playground/models.js";
import { Report } from "./playground/report.js";
import { toRequest } from "./playground/request.js";
import { useRun } from "./playground/run.js";
import { Settings } from "./playground/settings.js";

export default function Playground({ session, api, query }) {
  const [form, setForm] = useState(() => ({ ...savedForm(), ...(query.model && { model: query.model }) }));
  const [key, setKey] = useState({ which: "own", text: "" });
  const [submitted, setSubmitted] = useState(false); // errors are shown after the first attempt to send
  const { run, start, stop } = useRun();
  useEffect(() => saveForm(form), [form]);
  useEffect(() => {
    if (query.model) setForm((previous) => ({ ...previous, model: query.model }));
  }, [query.model]);
  const client = useMemo(() => (key.which === "own" ? api : connect(pastedKey(key.text.trim()))), [api, key]);
  const modelList = useFetch((signal) => loadModels(api, session, signal), []);
  const fields = { ...form, model: form.model ?? defaultModel(modelList.data ?? []) }; // null: the field has not been edited
  const model = modelList.data?.find((row) => row.id === fields.model) ?? null;
  const kind = model?.type === "image" ? "image" : "chat";
  const { path, body, errors } = toRequest(fields, kind);
  if (key.which === "other" && !key.text.trim()) errors.key = "Enter a virtual key.";
  const busy = run.state === "waiting" || run.state === "streaming";
  const send = () => {
    setSubmitted(true);
    if (Object.keys(errors).length) return requestAnimationFrame(() => document.querySelector(".playground [aria-invalid]")?.focus());
    const out = document.querySelector(".playground-out");
    if (out.getBoundingClientRect().top > innerHeight / 2) out.scrollIntoView({ block: "start" }); // on a phone it is below the form
    return start({ path, body, api: client, admin: session.role === "admin" ? api : null });
  };
  const change = (name) => (value) => setForm((previous) => ({ ...previous, [name]: value }));
  return html`
    <${Page} title="Playground" wide intro="Send a prompt to a model and see the response, its cost and what the gateway did.">
      <form class="playground" onSubmit=${(event) => { event.preventDefault(); if (!busy) send(); }} onKeyDown=${(event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); if (!busy) send(); }
      }} novalidate>
        <${Settings} form=${fields} change=${change} errors=${submitted ? errors : {}} kind=${kind} model=${model} modelList=${modelList}
          session=${session} choice=${key} choose=${setKey}
          actions=${busy ? html`<${Button} key="stop" kind="danger" icon="stop" onClick=${stop}>Stop<//>`
            : html`<${Button} key="send" kind="main" icon="send" type="submit">Send<//>`} />
        <div class="playground-out">
          <${Answer} run=${run} kind=${kind}
            actions=${html`<${Button} small icon="download" disabled=${busy || run.state === "new"} onClick=${() => save(run)}>Export<//>`} />
          <${Report} run=${run} admin=${session.role === "admin"} />
          <${Section} title="Code"><${Snippets} samples=${programs(api.base, path, body)} /><//>
        </div>
      </form>
    <//>`;
}

/** The keys of an API client that uses only the pasted key. */
const pastedKey = (text) => ({ own: async () => text, play: async () => text, rejected: () => {} });
