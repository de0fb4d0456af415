// The messages of a conversation. Only visible ones are rendered; the end stays in view while an answer grows.

import { html, Button, useLayoutEffect, useRef, useState } from "../../ui/index.js";
import { Message } from "./message.js";

const AROUND = 800; // pixels rendered above and below the visible area
const NEAR = 48; // pixels from the end that count as the end

const estimatedHeight = (message) => 96 + Math.ceil(message.text.length / 75) * 24 + (message.pictures?.length ?? 0) * 240;

/** Return the range of messages to render, and the heights of the omitted messages above and below. */
function slice(messages, heights, top, viewHeight) {
  const high = (message) => heights.get(message.at) ?? estimatedHeight(message);
  let [first, above, at] = [0, 0, 0];
  while (first < messages.length - 1 && above + high(messages[first]) < top - AROUND) above += high(messages[first++]);
  let [end, drawn] = [first, above];
  while (end < messages.length && drawn < top + viewHeight + AROUND) drawn += high(messages[end++]);
  let below = 0;
  for (at = end; at < messages.length; at += 1) below += high(messages[at]);
  return { first, end, above, below };
}

/** Thread: id, messages, live (the growing message, or null), isElsewhere (an answer is pending in another tab), onRegenerate(at), onEdit(at, text). */
export function Thread({ id, messages, live, isElsewhere, onRegenerate, onEdit }) {
  const frame = useRef(null);
  const all = live ? [...messages, live] : messages;
  const { scroll, view, handleScroll, toEnd } = useScrollPosition(frame, all);
  const total = all.reduce((sum, each) => sum + (scroll.heights.get(each.at) ?? estimatedHeight(each)), 0);
  const top = scroll.end ? total - view.viewHeight : Math.min(view.top, total);
  const { first, end, above, below } = slice(all, scroll.heights, top, view.viewHeight);
  const regenerate = (at) => () => {
    frame.current.focus({ preventScroll: true }); // the pressed button is removed
    onRegenerate(at);
  };
  const jump = () => {
    frame.current.focus({ preventScroll: true });
    toEnd();
  };
  return html`
    <div class="thread-frame">
      <div class="thread" ref=${frame} onScroll=${handleScroll} tabindex="0" role="log" aria-live="off" aria-label="Messages" aria-busy=${Boolean(live)}>
        <div class="thread-list">
          <${Spacer} high=${above} />
          ${all.slice(first, end).map((each) => html`
            <div key=${`${id} ${each.at}`} data-at=${each.at} class="thread-row">
              <${Message} message=${each} isGrowing=${each === live || (isElsewhere && each === all.at(-1))} isPending=${Boolean(live) || isElsewhere}
                onRegenerate=${regenerate(each.at)} onEdit=${(text) => onEdit(each.at, text)} /></div>`)}
          <${Spacer} high=${below} />
        </div>
      </div>
      ${!scroll.end && html`<span class="thread-jump"><${Button} small icon="down" onClick=${jump}>Jump to the end<//></span>`}
    </div>`;
}

/** Track the scroll position: at the end it follows a growing answer, further up it stays. */
function useScrollPosition(frame, all) {
  const ref = useRef({ heights: new Map(), end: true, top: 0, wide: 0, last: null });
  const scroll = ref.current;
  const [view, setView] = useState({ top: Infinity, viewHeight: 800 });
  const lastUserMessage = all.findLast((each) => each.role === "user")?.created;
  if (scroll.last !== lastUserMessage) Object.assign(scroll, { last: lastUserMessage, end: true }); // a new message was sent: scroll to its answer
  const follow = () => {
    const list = frame.current;
    if (scroll.end) list.scrollTop = list.scrollHeight;
    scroll.top = list.scrollTop;
  };
  useLayoutEffect(() => {
    for (const each of frame.current.querySelectorAll("[data-at]")) scroll.heights.set(Number(each.dataset.at), each.offsetHeight);
    follow();
  });
  useLayoutEffect(() => {
    const list = frame.current;
    const observer = new ResizeObserver(() => {
      if (list.clientWidth !== scroll.wide) Object.assign(scroll, { wide: list.clientWidth, heights: new Map() });
      follow();
      setView({ top: list.scrollTop, viewHeight: list.clientHeight });
    });
    observer.observe(list);
    observer.observe(list.firstElementChild);
    return () => observer.disconnect();
  }, []);
  const handleScroll = () => {
    const list = frame.current;
    const distance = list.scrollHeight - list.scrollTop - list.clientHeight;
    // Growth is not scrolling: only a user who scrolled up wants to stay there.
    scroll.end = distance < NEAR || (scroll.end && list.scrollTop >= scroll.top - 1);
    scroll.top = list.scrollTop;
    setView({ top: list.scrollTop, viewHeight: list.clientHeight });
  };
  const toEnd = () => {
    scroll.end = true;
    setView({ ...view, top: Infinity });
  };
  return { scroll, view, handleScroll, toEnd };
}

const Spacer = ({ high }) => html`<div aria-hidden="true" style=${{ height: `${high}px` }}></div>`;
