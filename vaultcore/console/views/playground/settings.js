// The playground's left side: what is asked, of which model, with which key, and how.

import { html, Button, ErrorNote, Field, Section, Select, Toggle, format, useLayoutEffect, useState } from "../../ui/index.js";
import { SCHEMA, TOOLS } from "./request.js";

/** Settings: form, change(name) => (value), wrong, kind, model, asked, session, choice, choose, actions. */
export function Settings({ form, change, wrong, kind, model, asked, session, choice, choose, actions }) {
  return html`
    <${Section} title="Request" class="playground-in">
      ${asked.error && html`<${ErrorNote} title="The models cannot be listed" error=${asked.error} retry=${asked.retry} />`}
      <${Field} label="Model" value=${form.model} onInput=${change("model")} onFocus=${() => change("model")(form.model)} list=${(asked.data ?? []).map((row) => row.id)}
        error=${wrong.model} hint=${about(model, form, asked)} autocomplete="off" spellcheck="false" placeholder=${asked.loading ? "Loading …" : ""} />
      <${Key} session=${session} choice=${choice} choose=${choose} wrong=${wrong} />
      ${kind === "chat" && html`<${Field} label="System prompt" area="2" value=${form.system} onInput=${change("system")} />`}
      <${Field} label=${kind === "image" ? "Picture" : "Prompt"} area="5" value=${form.prompt} onInput=${change("prompt")}
        error=${wrong.prompt} hint="Ctrl + Enter sends." />
      <div class="actions">${actions}</div>
      ${kind === "image" ? html`<${Pictures} form=${form} change=${change} wrong=${wrong} />`
        : html`<${Sampling} form=${form} change=${change} wrong=${wrong} /><${Shape} form=${form} change=${change} wrong=${wrong} />`}
    <//>`;
}

function about(model, form, asked) {
  if (!model) return form.model && asked.data ? "Not in the list: asked for as it is written." : "\u00a0";
  const price = model.price && `${format.money(model.price.input)} in, ${format.money(model.price.output)} out per million tokens`;
  return [model.type, model.context && `${format.compact(model.context)} tokens of context`, price, model.providers.join(", ")]
    .filter(Boolean).join(" · ");
}

function Key({ session, choice, choose, wrong }) {
  const own = session.role === "admin" ? "The console's own, which ends with today" : `The one I signed in with: ${session.name}`;
  return html`
    <${Select} label="Key" value=${choice.which} onChange=${(which) => choose({ which, text: "" })}
      options=${[["own", own], ["other", "Another virtual key"]]} />
    ${choice.which === "other" && html`<${Field} label="Virtual key" type="password" value=${choice.text} autocomplete="off"
      onInput=${(text) => choose({ which: "other", text })} error=${wrong.key} hint="Kept in this page's memory only." />`}`;
}

const Sampling = ({ form, change, wrong }) => html`
  <div class="pair">
    <${Field} label="Temperature" type="number" min="0" max="2" step="0.1" value=${form.temperature} onInput=${change("temperature")}
      error=${wrong.temperature} placeholder="the model's" />
    <${Field} label="Top P" type="number" min="0" max="1" step="0.05" value=${form.top_p} onInput=${change("top_p")}
      error=${wrong.top_p} placeholder="the model's" />
    <${Field} label="Max tokens" type="number" min="1" step="1" value=${form.max_tokens} onInput=${change("max_tokens")}
      error=${wrong.max_tokens} placeholder="no limit" />
  </div>
  <${Toggle} label="Stream the answer" checked=${form.stream} onChange=${change("stream")} />`;

function Shape({ form, change, wrong }) {
  const [open, turn] = useState(false);
  const amiss = Boolean(wrong.tools || wrong.schema);
  useLayoutEffect(() => {
    if (amiss) turn(true); // what is wrong is to be seen, and gets the focus
  }, [amiss]);
  return html`
    <details class="playground-more" open=${open} onToggle=${(event) => turn(event.currentTarget.open)}>
      <summary>Tools and answer format${form.tools.trim() || form.format !== "text" ? " (set)" : ""}</summary>
      <div class="playground-fields">
        <${Field} label="Tools" area="6" value=${form.tools} onInput=${change("tools")} error=${wrong.tools} spellcheck="false"
          hint="A JSON list, as chat completions take it." class="mono" />
        <div class="actions">
          <${Button} small onClick=${() => change("tools")(TOOLS)}>Example tool<//>
          <${Button} small kind="plain" disabled=${!form.tools} onClick=${() => change("tools")("")}>No tools<//>
        </div>
        ${form.tools.trim() && html`<${Select} label="Calling tools" value=${form.choice} onChange=${change("choice")}
          options=${[["auto", "as the model likes"], ["required", "at least one"], ["none", "none"]]} />`}
        <${Select} label="Answer format" value=${form.format} onChange=${change("format")}
          options=${[["text", "Text"], ["json_object", "Any JSON"], ["json_schema", "JSON by a schema"]]} />
        ${form.format === "json_schema" && html`
          <${Field} label="JSON schema" area="8" value=${form.schema} onInput=${change("schema")} error=${wrong.schema} spellcheck="false" class="mono" />
          <div class="actions"><${Button} small onClick=${() => change("schema")(SCHEMA)}>Example schema<//></div>`}
      </div>
    </details>`;
}

const Pictures = ({ form, change, wrong }) => html`
  <div class="pair">
    <${Field} label="Size" value=${form.size} onInput=${change("size")} placeholder="the model's" list=${["1024x1024", "1536x1024", "1024x1536"]} />
    <${Field} label="How many" type="number" min="1" max="10" value=${form.count} onInput=${change("count")} error=${wrong.count} />
  </div>
  <${Select} label="Pictures come as" value=${form.given} onChange=${change("given")}
    options=${[["b64_json", "data, shown here"], ["url", "an address"], ["", "the model has them"]]} />`;
