// The messages of a conversation, of which only those that are seen are drawn; the end stays in view while it grows.

import { html, useLayoutEffect, useRef, useState } from "../../ui/index.js";
import { Message } from "./message.js";

const AROUND = 800; // pixels drawn above and below what is seen
const NEAR = 48; // pixels from the end that count as its end

const guessed = (message) => 96 + Math.ceil(message.text.length / 75) * 24 + (message.pictures?.length ?? 0) * 240;

/** The slice of messages to draw, and the heights of what is left out above and below. */
function slice(messages, heights, top, seen) {
  const high = (message) => heights.get(message.at) ?? guessed(message);
  let [first, above, at] = [0, 0, 0];
  while (first < messages.length - 1 && above + high(messages[first]) < top - AROUND) above += high(messages[first++]);
  let [end, drawn] = [first, above];
  while (end < messages.length && drawn < top + seen + AROUND) drawn += high(messages[end++]);
  let below = 0;
  for (at = end; at < messages.length; at += 1) below += high(messages[at]);
  return { first, end, above, below };
}

/** Thread: id, messages, live (the message that grows, or null), onAgain(at), onEdit(at, text). */
export function Thread({ id, messages, live, onAgain, onEdit }) {
  const frame = useRef(null);
  const held = useRef({ id: null, heights: new Map(), end: true });
  const [view, look] = useState({ top: Infinity, seen: 800 });
  if (held.current.id !== id) held.current = { id, heights: new Map(), end: true };
  const all = live ? [...messages, live] : messages;
  const total = all.reduce((sum, each) => sum + (held.current.heights.get(each.at) ?? guessed(each)), 0);
  const top = held.current.end ? total - view.seen : Math.min(view.top, total);
  const { first, end, above, below } = slice(all, held.current.heights, top, view.seen);

  useLayoutEffect(() => {
    const list = frame.current;
    for (const each of list.querySelectorAll("[data-at]")) held.current.heights.set(Number(each.dataset.at), each.offsetHeight);
    if (held.current.end) list.scrollTop = list.scrollHeight;
  });
  useLayoutEffect(() => {
    const list = frame.current;
    const resized = new ResizeObserver(() => {
      if (held.current.end) list.scrollTop = list.scrollHeight;
      look({ top: list.scrollTop, seen: list.clientHeight });
    });
    resized.observe(list);
    resized.observe(list.firstElementChild);
    return () => resized.disconnect();
  }, []);
  const scrolled = () => {
    const list = frame.current;
    held.current.end = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
    look({ top: list.scrollTop, seen: list.clientHeight });
  };
  const again = (at) => () => {
    frame.current.focus({ preventScroll: true }); // the button that was pressed goes away
    onAgain(at);
  };
  return html`
    <div class="thread" ref=${frame} onScroll=${scrolled} tabindex="0" role="region" aria-label="Messages" aria-busy=${Boolean(live)}>
      <div class="thread-list">
        <${Space} high=${above} />
        ${all.slice(first, end).map((each) => html`
          <div key=${`${id} ${each.at}`} data-at=${each.at} class="thread-row">
            <${Message} message=${each} growing=${each === live} waiting=${Boolean(live)} onAgain=${again(each.at)}
              onEdit=${(text) => onEdit(each.at, text)} /></div>`)}
        <${Space} high=${below} />
      </div>
    </div>`;
}

const Space = ({ high }) => html`<div aria-hidden="true" style=${{ height: `${high}px` }}></div>`;
