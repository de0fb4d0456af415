// Text that is there to be copied.

import { html, useEffect, useRef, useState } from "./html.js";
import { Button, IconButton, Tabs } from "./controls.js";

/** [what was said of the last copying, a function that copies]. */
function useCopy(text) {
  const [said, say] = useState("");
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    const written = await write(typeof text === "function" ? text() : text);
    say(written ? "Copied" : "Not copied");
    clearTimeout(timer.current);
    timer.current = setTimeout(() => say(""), 1_500);
  };
  return [said, copy];
}

/** Copy: text (or a function that makes it), label. Says so when it is done. */
export function Copy({ text, label = "Copy" }) {
  const [said, copy] = useCopy(text);
  return html`<span class="copy"><${Button} small icon=${said === "Copied" ? "done" : "copy"} onClick=${copy}>${said || label}<//>
    <span class="hidden" role="status">${said}</span></span>`;
}

/** CopyIcon: text (or a function that makes it), label: the same, where words would be too much. */
export function CopyIcon({ text, label = "Copy" }) {
  const [said, copy] = useCopy(text);
  return html`<span class="copy"><${IconButton} label=${said || label} icon=${said === "Copied" ? "done" : "copy"} onClick=${copy} />
    <span class="hidden" role="status">${said}</span></span>`;
}

async function write(text) {
  try {
    await navigator.clipboard.writeText(text); // absent where the page is neither local nor HTTPS
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** Code: text, label (spoken), inline (one line, for ids and addresses). */
export const Code = ({ text, label = "code", inline = false }) => html`
  <div class=${inline ? "code inline" : "code"}>
    ${!inline && html`<${Copy} text=${text} />`}
    <pre tabindex="0" role="region" aria-label=${label}><code>${text}</code></pre>
    ${inline && html`<${Copy} text=${text} />`}</div>`;

/** Snippets: of ({ name: text }), label: one of several languages at a time. */
export function Snippets({ of, label = "Language" }) {
  const names = Object.keys(of);
  const [chosen, choose] = useState(names[0]);
  return html`
    <${Tabs} label=${label} tabs=${names.map((name) => [name, name])} chosen=${chosen} onChoose=${choose}>
      <${Code} text=${of[chosen] ?? ""} label=${`${chosen} code`} /><//>`;
}
