// The playground's request form: model, key, prompt and parameters.

import { html, Button, ErrorNote, Field, Section, Select, Toggle, format, useLayoutEffect, useState } from "../../ui/index.js";
import { SCHEMA, TOOLS } from "./request.js";

/** Settings: form, change(name) => (value), errors, kind, model, modelList, session, choice, choose, actions. */
export function Settings({ form, change, errors, kind, model, modelList, session, choice, choose, actions }) {
  return html`
    <${Section} title="Request" class="playground-in">
      ${modelList.error && html`<${ErrorNote} title="Could not load the models" error=${modelList.error} retry=${modelList.retry} />`}
      <${Field} label="Model" value=${form.model} onInput=${change("model")} onFocus=${() => change("model")(form.model)} list=${(modelList.data ?? []).map((row) => row.id)}
        error=${errors.model} hint=${modelHint(model, form, modelList)} autocomplete="off" spellcheck="false" placeholder=${modelList.loading ? "Loading …" : ""} />
      <${Key} session=${session} choice=${choice} choose=${choose} errors=${errors} />
      ${kind === "chat" && html`<${Field} label="System prompt" area="2" value=${form.system} onInput=${change("system")} />`}
      <${Field} label="Prompt" area="5" value=${form.prompt} onInput=${change("prompt")}
        error=${errors.prompt} hint="Ctrl + Enter to send." />
      <div class="actions">${actions}</div>
      ${kind === "image" ? html`<${Pictures} form=${form} change=${change} errors=${errors} />`
        : html`<${Sampling} form=${form} change=${change} errors=${errors} /><${Shape} form=${form} change=${change} errors=${errors} />`}
    <//>`;
}

function modelHint(model, form, modelList) {
  if (!model) return form.model && modelList.data ? "Not in the list. The name is sent as entered." : "\u00a0";
  const price = model.price && `${format.money(model.price.input)} in, ${format.money(model.price.output)} out per million tokens`;
  return [model.type, model.context && `${format.compact(model.context)} tokens context`, price, model.providers.join(", ")]
    .filter(Boolean).join(" · ");
}

function Key({ session, choice, choose, errors }) {
  const own = session.role === "admin" ? "Temporary console key (expires today)" : `Your key: ${session.name}`;
  return html`
    <${Select} label="Key" value=${choice.which} onChange=${(which) => choose({ which, text: "" })}
      options=${[["own", own], ["other", "Another virtual key"]]} />
    ${choice.which === "other" && html`<${Field} label="Virtual key" type="password" value=${choice.text} autocomplete="off"
      onInput=${(text) => choose({ which: "other", text })} error=${errors.key} hint="Stays in this page's memory." />`}`;
}

const Sampling = ({ form, change, errors }) => html`
  <div class="pair">
    <${Field} label="Temperature" type="number" min="0" max="2" step="0.1" value=${form.temperature} onInput=${change("temperature")}
      error=${errors.temperature} placeholder="default" />
    <${Field} label="Top P" type="number" min="0" max="1" step="0.05" value=${form.top_p} onInput=${change("top_p")}
      error=${errors.top_p} placeholder="default" />
    <${Field} label="Max tokens" type="number" min="1" step="1" value=${form.max_tokens} onInput=${change("max_tokens")}
      error=${errors.max_tokens} placeholder="no limit" />
  </div>
  <${Toggle} label="Stream" checked=${form.stream} onChange=${change("stream")} />`;

function Shape({ form, change, errors }) {
  const [open, setOpen] = useState(false);
  const hasErrors = Boolean(errors.tools || errors.schema);
  useLayoutEffect(() => {
    if (hasErrors) setOpen(true); // show the error, which then takes the focus
  }, [hasErrors]);
  return html`
    <details class="playground-more" open=${open} onToggle=${(event) => setOpen(event.currentTarget.open)}>
      <summary>Tools and response format${form.tools.trim() || form.format !== "text" ? " (set)" : ""}</summary>
      <div class="playground-fields">
        <${Field} label="Tools" area="6" value=${form.tools} onInput=${change("tools")} error=${errors.tools} spellcheck="false"
          hint="A JSON list in the format of chat completions." class="mono" />
        <div class="actions">
          <${Button} small onClick=${() => change("tools")(TOOLS)}>Insert example tool<//>
          <${Button} small kind="plain" disabled=${!form.tools} onClick=${() => change("tools")("")}>Clear tools<//>
        </div>
        ${form.tools.trim() && html`<${Select} label="Tool choice" value=${form.choice} onChange=${change("choice")}
          options=${[["auto", "Auto"], ["required", "Required"], ["none", "None"]]} />`}
        <${Select} label="Response format" value=${form.format} onChange=${change("format")}
          options=${[["text", "Text"], ["json_object", "Any JSON"], ["json_schema", "JSON schema"]]} />
        ${form.format === "json_schema" && html`
          <${Field} label="JSON schema" area="8" value=${form.schema} onInput=${change("schema")} error=${errors.schema} spellcheck="false" class="mono" />
          <div class="actions"><${Button} small onClick=${() => change("schema")(SCHEMA)}>Insert example schema<//></div>`}
      </div>
    </details>`;
}

const Pictures = ({ form, change, errors }) => html`
  <div class="pair">
    <${Field} label="Size" value=${form.size} onInput=${change("size")} placeholder="default" list=${["1024x1024", "1536x1024", "1024x1536"]} />
    <${Field} label="Number of images" type="number" min="1" max="10" value=${form.count} onInput=${change("count")} error=${errors.count} />
  </div>
  <${Select} label="Return images as" value=${form.given} onChange=${change("given")}
    options=${[["b64_json", "Data (shown here)"], ["url", "URL"], ["", "Model default"]]} />`;
