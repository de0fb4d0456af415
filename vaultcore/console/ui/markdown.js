// A model's Markdown as page: through marked and DOMPurify, which are loaded when the first text comes.

import { html, useLayoutEffect, useRef } from "./html.js";
import { highlight } from "./highlight.js";

const FORBIDDEN = {
  FORBID_TAGS: ["img", "style", "form", "svg", "math", "input", "button", "textarea", "select", "audio", "video", "picture",
    "source", "iframe", "object", "embed", "dialog", "template"],
  FORBID_ATTR: ["style", "class", "id", "name", "target", "action", "srcset", "background"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^https?:\/\//i,
  RETURN_DOM_FRAGMENT: true,
};

const escape = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
// HTML is shown as it was written: parsing a style is against the page's policy even where it is thrown away.
const PLAIN = { html: ({ text }) => escape(text), image: ({ href, text }) => `<a href="${escape(href)}">${escape(text || href)}</a>` };

let loading = null;
let rendered = null; // what turns text into nodes, once it is here

function renderer() {
  loading ??= Promise.all([import("../vendor/marked.js"), import("../vendor/purify.js")]).then(([{ Marked }, purify]) => {
    const marked = new Marked({ async: false, gfm: true, breaks: true, renderer: PLAIN });
    rendered = (text) => finished(purify.default.sanitize(marked.parse(text), FORBIDDEN));
  });
  loading.catch(() => (loading = null));
  return loading;
}

/** Links open elsewhere and tell nobody where from; code can be copied; wide tables scroll by keyboard too. */
function finished(fragment) {
  for (const link of fragment.querySelectorAll("a")) {
    if (!link.hasAttribute("href")) continue;
    Object.assign(link, { target: "_blank", rel: "noopener noreferrer nofollow" });
  }
  for (const head of fragment.querySelectorAll("th:empty")) head.replaceWith(document.createElement("td"));
  for (const block of fragment.querySelectorAll("pre, table")) {
    const frame = document.createElement("div");
    const code = block.localName === "pre";
    frame.className = code ? "code" : "scroll";
    (code ? block : frame).tabIndex = 0; // the one that scrolls
    block.replaceWith(frame);
    frame.append(block);
    if (!code) continue;
    frame.prepend(copier(block));
    highlight(block.querySelector("code") ?? block);
  }
  return fragment;
}

function copier(block) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "button small", textContent: "Copy" });
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(block.textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1_500);
  });
  return button;
}

function draw(place, text) {
  try {
    place.replaceChildren(rendered(text));
  } catch {
    place.textContent = text;
  }
}

/** Markdown: text. Shows the plain text until it can be rendered; safe for text of anybody. */
export function Markdown({ text }) {
  const ref = useRef(null);
  useLayoutEffect(() => {
    const place = ref.current;
    if (rendered) {
      draw(place, text); // before it is painted, so that nothing jumps
      return undefined;
    }
    let wanted = true;
    place.textContent = text;
    renderer().then(() => wanted && draw(place, text), () => {});
    return () => (wanted = false);
  }, [text]);
  return html`<div class="markdown" ref=${ref}></div>`;
}
