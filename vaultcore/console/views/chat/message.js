// One message: what was said, its pictures, how it came about, and what can be done with it.

import { html, Button, CopyIcon, ErrorNote, Field, Icon, IconButton, Loading, Tag, format, useEffect, useRef, useState } from "../../ui/index.js";
import { isPicture } from "./ask.js";
import { Written } from "./written.js";

/** Message: message, growing, waiting (an answer is on its way), onAgain, onEdit(text). */
export function Message({ message, growing, waiting, onAgain, onEdit }) {
  const [editing, edit] = useState(false);
  const ref = useRef(null);
  const mine = message.role === "user";
  const end = () => {
    edit(false);
    ref.current.focus({ preventScroll: true });
  };
  return html`
    <article ref=${ref} tabindex="-1" class=${mine ? "turn mine" : "turn"} aria-label=${mine ? "You" : `Answer of ${message.model}`}>
      <header class="turn-head"><strong class="turn-who">${mine ? "You" : message.model}</strong>
        ${mine && !editing && html`<span class="turn-do">
          ${message.text && html`<${CopyIcon} text=${message.text} />`}
          <${IconButton} label="Edit" icon="edit" disabled=${waiting} onClick=${() => edit(true)} /></span>`}
        <time class="dim small" datetime=${new Date(message.created).toISOString()}>${format.time(message.created / 1000)}</time></header>
      ${editing ? html`<${Editor} text=${message.text} onCancel=${end} onDone=${(text) => {
        end();
        onEdit(text);
      }} />` : html`<${Body} message=${message} mine=${mine} growing=${growing} />`}
      <${Pictures} of=${message.pictures ?? []} />
      ${message.error && html`<${ErrorNote} error=${message.error} retry=${waiting ? undefined : onAgain} />`}
      ${!growing && !mine && html`
        <footer class="turn-foot">
          <span class="dim small">${facts(message)}</span>
          ${message.stopped && html`<${Tag} kind="warn">stopped<//>`}
          ${message.cut && html`<${Tag} kind="warn" title="The model reached its limit of tokens">cut short<//>`}
          <span class="turn-do">
            ${message.text && html`<${CopyIcon} text=${message.text} />`}
            <${IconButton} label="Answer again" icon="refresh" disabled=${waiting} onClick=${onAgain} />
          </span>
        </footer>`}
    </article>`;
}

const facts = ({ provider, tokens, ms, first, cost }) =>
  [
    provider,
    tokens && `${format.number(tokens)} tokens`,
    cost && format.money(cost),
    ms && format.duration(ms),
    first && `first words after ${format.duration(first)}`,
  ].filter(Boolean).join(" · ");

function Body({ message, mine, growing }) {
  if (growing && !message.text) return html`<${Loading} label="Waiting for the answer …" lines=${2} />`;
  if (mine) return message.text && html`<p class="turn-text">${message.text}</p>`;
  return message.text && html`<${Written} text=${message.text} />`;
}

function Pictures({ of }) {
  const shown = of.filter(isPicture);
  if (!shown.length) return null;
  return html`
    <ul class="pictures">
      ${shown.map((url, index) => html`
        <li key=${index}><img src=${url} alt=${`Picture ${index + 1}`} />
          <a class="icon-button" href=${url} download=${`picture-${index + 1}.${/image\/(\w+)/.exec(url)[1]}`}
            aria-label=${`Download picture ${index + 1}`} title="Download"><${Icon} name="download" /></a></li>`)}
    </ul>`;
}

function Editor({ text, onDone, onCancel }) {
  const [now, become] = useState(text);
  const ref = useRef(null);
  useEffect(() => ref.current.querySelector("textarea").focus({ preventScroll: true }), []);
  const keys = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      onCancel();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && now.trim()) onDone(now);
  };
  return html`
    <div class="turn-edit" ref=${ref}>
      <${Field} label="Your message" hideLabel area=${4} value=${now} onInput=${become} onKeyDown=${keys} />
      <div class="actions"><${Button} kind="main" small disabled=${!now.trim()} onClick=${() => onDone(now)}>Send again<//>
        <${Button} small onClick=${onCancel}>Cancel<//></div>
    </div>`;
}
