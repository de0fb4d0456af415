// What came back: text, thoughts, tool calls or pictures, and the figures of the run.

import { html, Code, Empty, ErrorNote, Markdown, Section, Stat, Tabs, Tag, format, useState } from "../../ui/index.js";

const SAID = {
  new: ["", "Nothing has been asked yet."], waiting: ["info", "waiting"], streaming: ["info", "answering"], done: ["good", "done"],
  stopped: ["warn", "stopped"], failed: ["bad", "failed"],
};

/** Answer: run, kind, actions. */
export function Answer({ run, kind, actions }) {
  const [view, look] = useState("shown");
  const [tag, word] = SAID[run.state];
  const busy = run.state === "waiting" || run.state === "streaming";
  return html`
    <${Section} title="Answer" actions=${html`
        <span role="status">${run.state !== "new" && html`<${Tag} kind=${tag}>${word}<//>`}</span>${actions}`}>
      <div aria-busy=${busy} class="playground-answer">
        <${Tabs} label="Answer as" tabs=${[["shown", "Shown"], ["text", "Text"], ["raw", "JSON"]]} chosen=${view} onChoose=${look}>
          ${run.state === "new" ? html`<${Empty} icon=${kind === "image" ? "image" : "playground"} title=${word}>Fill in the prompt and send it.<//>`
            : view === "raw" && busy ? html`<p class="dim">It stands here when the answer has ended.</p>`
            : view === "raw" ? html`<${Code} label="answer as JSON" text=${run.raw ? JSON.stringify(run.raw, null, 2) : ""} />`
            : view === "text" ? html`<${Code} label="answer as text" text=${run.text} />`
            : html`<${Shown} run=${run} />`}
        <//>
        ${run.error && html`<${ErrorNote} error=${run.error} />`}
      </div>
      ${run.state !== "new" && !vain(run) && html`<${Figures} run=${run} />`}
    <//>`;
}

function Shown({ run }) {
  const finished = run.state !== "waiting" && run.state !== "streaming";
  const pretty = finished ? indented(run.text) : null;
  const nothing = finished && !run.error && !run.text && !run.calls.length && !run.pictures.length && !run.refusal;
  return html`
    ${run.state === "waiting" && html`<p class="dim">Waiting for the first word …</p>`}
    ${run.thought && html`<details class="playground-more"><summary>Reasoning</summary><p class="dim playground-text">${run.thought}</p></details>`}
    ${pretty ? html`<${Code} label="answer" text=${pretty} />` : run.text && html`<${Markdown} text=${run.text} />`}
    ${run.refusal && html`<p class="note bad">${run.refusal}</p>`}
    ${run.calls.map((call, at) => html`
      <div key=${at} class="playground-call"><h3>Calls <code>${call.name}</code></h3>
        <${Code} label=${`arguments of ${call.name}`} text=${indented(call.arguments) ?? call.arguments} /></div>`)}
    ${run.pictures.length > 0 && html`<div class="playground-pictures">${run.pictures.map((picture, at) => html`
      <${Picture} key=${at} picture=${picture} number=${at + 1} />`)}</div>`}
    ${nothing && html`<p class="dim">The answer is empty.</p>`}`;
}

/** JSON with its lines, or null where a text is none. */
function indented(text) {
  if (!/^\s*[{[]/.test(text)) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}

const MAGIC = [["iVBOR", "png"], ["/9j/", "jpeg"], ["UklGR", "webp"], ["R0lG", "gif"]];

/** A picture from the data that the model gave; an address is only linked, for nothing from elsewhere is loaded here. */
function Picture({ picture, number }) {
  const [broken, broke] = useState(false);
  if (!picture.b64_json) {
    const safe = /^https?:\/\//i.test(picture.url ?? "");
    return html`<p>Picture ${number}: ${safe
      ? html`<a href=${picture.url} target="_blank" rel="noopener noreferrer nofollow">open it where it lies</a>` : "no address came"}.</p>`;
  }
  const kind = MAGIC.find(([begin]) => picture.b64_json.startsWith(begin))?.[1] ?? "png";
  const data = `data:image/${kind};base64,${picture.b64_json}`;
  return html`
    <figure>
      ${broken ? html`<p class="dim">This picture cannot be shown.</p>`
        : html`<img src=${data} alt=${`Picture ${number}`} onError=${() => broke(true)} />`}
      <figcaption class="small"><a href=${data} download=${`picture-${number}.${kind}`}>Save picture ${number}</a>
        ${picture.revised_prompt && html`<span class="dim"> ${picture.revised_prompt}</span>`}</figcaption>
    </figure>`;
}

/** Whether a run failed without anything that could be counted. */
const vain = (run) => run.state === "failed" && !run.text && !run.usage && !run.headers.provider;

const PIECES = 5;
const SPAN = 250; // milliseconds

/** Tokens a second of a stream, or null where it came at once: a burst says how the network is, not the model. */
export function speed({ first, last, pieces }, tokens) {
  if (!(tokens > 0) || pieces < PIECES || last - first < SPAN) return null;
  return Math.round(tokens / ((last - first) / 1_000));
}

function Figures({ run }) {
  const cost = run.headers.cost ?? run.entry?.cost_usd ?? null; // where it was stopped, the log alone knows
  const asked = run.usage?.prompt_tokens ?? run.usage?.input_tokens ?? run.entry?.prompt_tokens;
  const answered = run.usage?.completion_tokens ?? run.usage?.output_tokens ?? run.entry?.completion_tokens;
  const pace = speed(run, answered);
  const provider = run.headers.provider ?? run.entry?.provider;
  return html`
    <div class="stats">
      <${Stat} label="Response time" value=${format.duration(run.ms)} note=${run.finish ? `ended with ${run.finish}` : ""} />
      <${Stat} label="First token" value=${run.sent.body.stream ? format.duration(run.first) : "–"}
        note=${run.sent.body.stream ? pace && `${format.number(pace)} tokens a second` : "not streamed"} />
      <${Stat} label="Tokens" value=${format.number(asked + answered)} note=${asked === undefined ? "" : `${format.number(asked)} in, ${format.number(answered)} out`} />
      <${Stat} label="Cost" value=${format.money(cost)} note=${cost === null && run.state === "done" ? "nobody knows its price" : ""} />
      <${Stat} label="Answered by" value=${provider ?? "–"} note=${run.headers.model ?? run.entry?.served ?? ""} />
    </div>`;
}
