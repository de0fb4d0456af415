// One message: text, images, figures and actions.

import { html, Button, CopyIcon, ErrorNote, Field, Icon, IconButton, Loading, Tag, format, useEffect, useRef, useState } from "../../ui/index.js";
import { isPicture } from "./completion.js";
import { AnswerText } from "./answer-text.js";

/** Message: message, isGrowing, isPending (the conversation has a pending answer), onRegenerate, onEdit(text). */
export function Message({ message, isGrowing, isPending, onRegenerate, onEdit }) {
  const [editing, setEditing] = useState(false);
  const ref = useRef(null);
  const isUser = message.role === "user";
  const closeEditor = () => {
    setEditing(false);
    ref.current.focus({ preventScroll: true });
  };
  return html`
    <article ref=${ref} tabindex="-1" class=${isUser ? "message user" : "message"} aria-label=${isUser ? "You" : `Answer from ${message.model}`}>
      <header class="message-head"><strong class="message-author">${isUser ? "You" : message.model}</strong>
        ${isUser && !editing && html`<span class="message-actions">
          ${message.text && html`<${CopyIcon} text=${message.text} />`}
          <${IconButton} label="Edit" icon="edit" disabled=${isPending} onClick=${() => setEditing(true)} /></span>`}
        <time class="dim small" datetime=${new Date(message.created).toISOString()}>${format.time(message.created / 1000)}</time></header>
      ${editing ? html`<${Editor} text=${message.text} onCancel=${closeEditor} onDone=${(text) => {
        closeEditor();
        onEdit(text);
      }} />` : html`<${Body} message=${message} isUser=${isUser} isGrowing=${isGrowing} />`}
      <${Pictures} pictures=${message.pictures ?? []} />
      ${message.error && html`<${ErrorNote} error=${message.error} retry=${isPending ? undefined : onRegenerate} />`}
      ${!isGrowing && !isUser && html`
        <footer class="message-foot">
          <span class="dim small">${facts(message)}</span>
          ${message.stopped && html`<${Tag} kind="warn">stopped<//>`}
          ${message.cut && html`<${Tag} kind="warn" title="The model reached its token limit">truncated<//>`}
          <span class="message-actions">
            ${message.text && html`<${CopyIcon} text=${message.text} />`}
            <${IconButton} label="Regenerate" icon="refresh" disabled=${isPending} onClick=${onRegenerate} />
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
    first && `first token ${format.duration(first)}`,
  ].filter(Boolean).join(" · ");

function Body({ message, isUser, isGrowing }) {
  if (isGrowing && !message.text) return html`<${Loading} label="Waiting for the answer …" lines=${2} />`;
  if (isUser) return message.text && html`<p class="message-text">${message.text}</p>`;
  return message.text && html`<${AnswerText} text=${message.text} />`;
}

function Pictures({ pictures }) {
  const inlinePictures = pictures.filter(isPicture);
  if (!inlinePictures.length) return null;
  return html`
    <ul class="pictures">
      ${inlinePictures.map((url, index) => html`
        <li key=${index}><img src=${url} alt=${`Image ${index + 1}`} />
          <a class="icon-button" href=${url} download=${`image-${index + 1}.${/image\/(\w+)/.exec(url)[1]}`}
            aria-label=${`Download image ${index + 1}`} title="Download"><${Icon} name="download" /></a></li>`)}
    </ul>`;
}

function Editor({ text, onDone, onCancel }) {
  const [now, setNow] = useState(text);
  const ref = useRef(null);
  useEffect(() => ref.current.querySelector("textarea").focus({ preventScroll: true }), []);
  const handleKey = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      onCancel();
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && now.trim()) onDone(now);
  };
  return html`
    <div class="message-edit" ref=${ref}>
      <${Field} label="Your message" hideLabel area=${4} value=${now} onInput=${setNow} onKeyDown=${handleKey} />
      <div class="actions"><${Button} kind="main" small disabled=${!now.trim()} onClick=${() => onDone(now)}>Send<//>
        <${Button} small onClick=${onCancel}>Cancel<//></div>
    </div>`;
}
