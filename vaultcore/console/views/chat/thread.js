// The messages of a conversation, of which only those that are seen are drawn; the end stays in view while it grows.

import { html, Button, useLayoutEffect, useRef, useState } from "../../ui/index.js";
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

/** Thread: id, messages, live (the message that grows, or null), away (another tab has it answered), onAgain(at), onEdit(at, text). */
export function Thread({ id, messages, live, away, onAgain, onEdit }) {
  const frame = useRef(null);
  const all = live ? [...messages, live] : messages;
  const { held, view, scrolled, toEnd } = useEnd(frame, all);
  const total = all.reduce((sum, each) => sum + (held.heights.get(each.at) ?? guessed(each)), 0);
  const top = held.end ? total - view.seen : Math.min(view.top, total);
  const { first, end, above, below } = slice(all, held.heights, top, view.seen);
  const again = (at) => () => {
    frame.current.focus({ preventScroll: true }); // the button that was pressed goes away
    onAgain(at);
  };
  const jump = () => {
    frame.current.focus({ preventScroll: true });
    toEnd();
  };
  return html`
    <div class="thread-frame">
      <div class="thread" ref=${frame} onScroll=${scrolled} tabindex="0" role="log" aria-live="off" aria-label="Messages" aria-busy=${Boolean(live)}>
        <div class="thread-list">
          <${Space} high=${above} />
          ${all.slice(first, end).map((each) => html`
            <div key=${`${id} ${each.at}`} data-at=${each.at} class="thread-row">
              <${Message} message=${each} growing=${each === live || (away && each === all.at(-1))} waiting=${Boolean(live) || away}
                onAgain=${again(each.at)} onEdit=${(text) => onEdit(each.at, text)} /></div>`)}
          <${Space} high=${below} />
        </div>
      </div>
      ${!held.end && html`<span class="thread-jump"><${Button} small icon="down" onClick=${jump}>Jump to the end<//></span>`}
    </div>`;
}

/** Where one is: at the end, which is then held on to while it grows, or further up, where nothing moves. */
function useEnd(frame, all) {
  const ref = useRef({ heights: new Map(), end: true, top: 0, wide: 0, last: null });
  const held = ref.current;
  const [view, look] = useState({ top: Infinity, seen: 800 });
  const asked = all.findLast((each) => each.role === "user")?.created;
  if (held.last !== asked) Object.assign(held, { last: asked, end: true }); // something was said: its answer is what one wants to see
  const follow = () => {
    const list = frame.current;
    if (held.end) list.scrollTop = list.scrollHeight;
    held.top = list.scrollTop;
  };
  useLayoutEffect(() => {
    for (const each of frame.current.querySelectorAll("[data-at]")) held.heights.set(Number(each.dataset.at), each.offsetHeight);
    follow();
  });
  useLayoutEffect(() => {
    const list = frame.current;
    const resized = new ResizeObserver(() => {
      if (list.clientWidth !== held.wide) Object.assign(held, { wide: list.clientWidth, heights: new Map() });
      follow();
      look({ top: list.scrollTop, seen: list.clientHeight });
    });
    resized.observe(list);
    resized.observe(list.firstElementChild);
    return () => resized.disconnect();
  }, []);
  const scrolled = () => {
    const list = frame.current;
    const left = list.scrollHeight - list.scrollTop - list.clientHeight;
    // What grew since it was followed is no scrolling: only who went up wants to be there.
    held.end = left < NEAR || (held.end && list.scrollTop >= held.top - 1);
    held.top = list.scrollTop;
    look({ top: list.scrollTop, seen: list.clientHeight });
  };
  const toEnd = () => {
    held.end = true;
    look({ ...view, top: Infinity });
  };
  return { held, view, scrolled, toEnd };
}

const Space = ({ high }) => html`<div aria-hidden="true" style=${{ height: `${high}px` }}></div>`;
