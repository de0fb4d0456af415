// The response: text, reasoning, tool calls or images, and the figures of the run.

import { html, Code, Empty, ErrorNote, Markdown, Section, Stat, Tabs, Tag, format, useState } from "../../ui/index.js";

const STATES = {
  new: ["", "No response yet"], waiting: ["info", "waiting"], streaming: ["info", "answering"], done: ["good", "done"],
  stopped: ["warn", "stopped"], failed: ["bad", "failed"],
};

/** Answer: run, kind, actions. */
export function Answer({ run, kind, actions }) {
  const [view, setView] = useState("shown");
  const [tag, label] = STATES[run.state];
  const busy = run.state === "waiting" || run.state === "streaming";
  return html`
    <${Section} title="Response" actions=${html`
        <span role="status">${run.state !== "new" && html`<${Tag} kind=${tag}>${label}<//>`}</span>${actions}`}>
      <div aria-busy=${busy} class="playground-answer">
        <${Tabs} label="Format" tabs=${[["shown", "Rendered"], ["text", "Text"], ["raw", "JSON"]]} selected=${view} onSelect=${setView}>
          ${run.state === "new" ? html`<${Empty} icon=${kind === "image" ? "image" : "playground"} title=${label}>Enter a prompt and send it.<//>`
            : view === "raw" && busy ? html`<p class="dim">Available when the response is complete.</p>`
            : view === "raw" ? html`<${Code} label="response as JSON" text=${run.raw ? JSON.stringify(run.raw, null, 2) : ""} />`
            : view === "text" ? html`<${Code} label="response as text" text=${run.text} />`
            : html`<${Rendered} run=${run} />`}
        <//>
        ${run.error && html`<${ErrorNote} error=${run.error} />`}
      </div>
      ${run.state !== "new" && !isEmptyFailure(run) && html`<${Figures} run=${run} />`}
    <//>`;
}

function Rendered({ run }) {
  const finished = run.state !== "waiting" && run.state !== "streaming";
  const pretty = finished ? formatJson(run.text) : null;
  const nothing = finished && !run.error && !run.text && !run.calls.length && !run.pictures.length && !run.refusal;
  return html`
    ${run.state === "waiting" && html`<p class="dim">Waiting for the first token …</p>`}
    ${run.thought && html`<details class="playground-more"><summary>Reasoning</summary><p class="dim playground-text">${run.thought}</p></details>`}
    ${pretty ? html`<${Code} label="response" text=${pretty} />` : run.text && html`<${Markdown} text=${run.text} />`}
    ${run.refusal && html`<p class="note bad">${run.refusal}</p>`}
    ${run.calls.map((call, at) => html`
      <div key=${at} class="playground-call"><h3>Tool call <code>${call.name}</code></h3>
        <${Code} label=${`arguments of ${call.name}`} text=${formatJson(call.arguments) ?? call.arguments} /></div>`)}
    ${run.pictures.length > 0 && html`<div class="playground-pictures">${run.pictures.map((picture, at) => html`
      <${Picture} key=${at} picture=${picture} number=${at + 1} />`)}</div>`}
    ${nothing && html`<p class="dim">The response is empty.</p>`}`;
}

/** Return indented JSON, or null if the text is not JSON. */
function formatJson(text) {
  if (!/^\s*[{[]/.test(text)) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

const MAGIC = [["iVBOR", "png"], ["/9j/", "jpeg"], ["UklGR", "webp"], ["R0lG", "gif"]];

/** An image from the response's data. A URL is only linked: the content policy allows no external images. */
function Picture({ picture, number }) {
  const [broken, setBroken] = useState(false);
  if (!picture.b64_json) {
    const safe = /^https?:\/\//i.test(picture.url ?? "");
    return html`<p>Image ${number}: ${safe
      ? html`<a href=${picture.url} target="_blank" rel="noopener noreferrer nofollow">open at provider</a>` : "no URL"}</p>`;
  }
  const kind = MAGIC.find(([begin]) => picture.b64_json.startsWith(begin))?.[1] ?? "png";
  const data = `data:image/${kind};base64,${picture.b64_json}`;
  return html`
    <figure>
      ${broken ? html`<p class="dim">This image cannot be displayed.</p>`
        : html`<img src=${data} alt=${`Image ${number}`} onError=${() => setBroken(true)} />`}
      <figcaption class="small"><a href=${data} download=${`picture-${number}.${kind}`}>Download image ${number}</a>
        ${picture.revised_prompt && html`<span class="dim"> ${picture.revised_prompt}</span>`}</figcaption>
    </figure>`;
}

/** Return true if a run failed without any figures. */
const isEmptyFailure = (run) => run.state === "failed" && !run.text && !run.usage && !run.headers.provider;

const MIN_CHUNKS = 5; // chunks
const MIN_DURATION = 250; // milliseconds

/** Return the tokens per second of a stream, or null for too short a burst, which measures the network and not the model. */
export function tokensPerSecond({ first, last, chunks }, tokens) {
  if (!(tokens > 0) || chunks < MIN_CHUNKS || last - first < MIN_DURATION) return null;
  return Math.round(tokens / ((last - first) / 1_000));
}

function Figures({ run }) {
  const cost = run.headers.cost ?? run.entry?.cost_usd ?? null; // after a stop, only the log has the cost
  const inputTokens = run.usage?.prompt_tokens ?? run.usage?.input_tokens ?? run.entry?.prompt_tokens;
  const outputTokens = run.usage?.completion_tokens ?? run.usage?.output_tokens ?? run.entry?.completion_tokens;
  const speed = tokensPerSecond(run, outputTokens);
  const provider = run.headers.provider ?? run.entry?.provider;
  return html`
    <div class="stats">
      <${Stat} label="Response time" value=${format.duration(run.ms)} note=${run.finish ? `finish: ${run.finish}` : ""} />
      <${Stat} label="First token" value=${run.sent.body.stream ? format.duration(run.first) : "–"}
        note=${run.sent.body.stream ? speed && `${format.number(speed)} tokens/s` : "not streamed"} />
      <${Stat} label="Tokens" value=${format.number(inputTokens + outputTokens)} note=${inputTokens === undefined ? "" : `${format.number(inputTokens)} in, ${format.number(outputTokens)} out`} />
      <${Stat} label="Cost" value=${format.money(cost)} note=${cost === null && run.state === "done" ? "price unknown" : ""} />
      <${Stat} label="Provider" value=${provider ?? "–"} note=${run.headers.model ?? run.entry?.served ?? ""} />
    </div>`;
}
