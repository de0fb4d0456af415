// Copy buttons and code blocks.

import { html, useEffect, useRef, useState } from "./html.js";
import { Button, IconButton, Tabs } from "./controls.js";

/** Return [the status of the last copy, a function that copies]. */
function useCopy(text) {
  const [status, setStatus] = useState("");
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    const ok = await writeClipboard(typeof text === "function" ? text() : text);
    setStatus(ok ? "Copied" : "Copy failed");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setStatus(""), 1_500);
  };
  return [status, copy];
}

/** Copy: text (or a function that returns it), label. Shows the result. */
export function Copy({ text, label = "Copy" }) {
  const [status, copy] = useCopy(text);
  return html`<span class="copy"><${Button} small icon=${status === "Copied" ? "done" : "copy"} onClick=${copy}>${status || label}<//>
    <span class="visually-hidden" role="status">${status}</span></span>`;
}

/** CopyIcon: text (or a function that returns it), label: the same as an icon. */
export function CopyIcon({ text, label = "Copy" }) {
  const [status, copy] = useCopy(text);
  return html`<span class="copy"><${IconButton} label=${status || label} icon=${status === "Copied" ? "done" : "copy"} onClick=${copy} />
    <span class="visually-hidden" role="status">${status}</span></span>`;
}

async function writeClipboard(text) {
  try {
    await navigator.clipboard.writeText(text); // missing unless the page is on localhost or HTTPS
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const ok = document.execCommand("copy");
    area.remove();
    return ok;
  }
}

/** Code: text, label (accessible name), inline (one line, for ids and addresses). */
export const Code = ({ text, label = "code", inline = false }) => html`
  <div class=${inline ? "code inline" : "code"}>
    ${!inline && html`<${Copy} text=${text} />`}
    <pre tabindex="0" role="region" aria-label=${label}><code>${text}</code></pre>
    ${inline && html`<${Copy} text=${text} />`}</div>`;

/** Snippets: samples ({ language: text }), label: code in tabs, one per language. */
export function Snippets({ samples, label = "Language" }) {
  const names = Object.keys(samples);
  const [language, setLanguage] = useState(names[0]);
  return html`
    <${Tabs} label=${label} tabs=${names.map((name) => [name, name])} selected=${language} onSelect=${setLanguage}>
      <${Code} text=${samples[language] ?? ""} label=${`${language} code`} /><//>`;
}
