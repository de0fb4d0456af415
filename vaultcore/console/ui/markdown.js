// Renders Markdown with marked and sanitizes it with DOMPurify; both are loaded with the first text.

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
// HTML is shown as text: parsing a style violates the page's policy even if the element is then removed.
const PLAIN = { html: ({ text }) => escape(text), image: ({ href, text }) => `<a href="${escape(href)}">${escape(text || href)}</a>` };

let loading = null;
let toFragment = null; // turns text into nodes; null until the libraries are loaded

function renderer() {
  loading ??= Promise.all([import("../vendor/marked.js"), import("../vendor/purify.js")]).then(([{ Marked }, purify]) => {
    const marked = new Marked({ async: false, gfm: true, breaks: true, renderer: PLAIN });
    toFragment = (text) => decorate(purify.default.sanitize(marked.parse(text), FORBIDDEN));
  });
  loading.catch(() => (loading = null));
  return loading;
}

/** Open links in new tabs without a referrer, add copy buttons to code, and make wide tables scrollable by keyboard. */
function decorate(fragment) {
  for (const link of fragment.querySelectorAll("a")) {
    if (!link.hasAttribute("href")) continue;
    Object.assign(link, { target: "_blank", rel: "noopener noreferrer nofollow" });
  }
  for (const head of fragment.querySelectorAll("th:empty")) head.replaceWith(document.createElement("td"));
  for (const block of fragment.querySelectorAll("pre, table")) {
    const frame = document.createElement("div");
    const code = block.localName === "pre";
    frame.className = code ? "code" : "scroll";
    (code ? block : frame).tabIndex = 0; // the scrollable element
    block.replaceWith(frame);
    frame.append(block);
    if (!code) continue;
    frame.prepend(copyButton(block));
    highlight(block.querySelector("code") ?? block);
  }
  return fragment;
}

function copyButton(block) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "button small", textContent: "Copy" });
  button.addEventListener("click", async () => {
    await navigator.clipboard?.writeText(block.textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1_500);
  });
  return button;
}

function renderInto(place, text) {
  try {
    place.replaceChildren(toFragment(text));
  } catch {
    place.textContent = text;
  }
}

/** Markdown: text. Shows plain text until the libraries are loaded. Safe for untrusted text. */
export function Markdown({ text }) {
  const ref = useRef(null);
  useLayoutEffect(() => {
    const place = ref.current;
    if (toFragment) {
      renderInto(place, text); // before the first paint, to avoid a layout shift
      return undefined;
    }
    let mounted = true;
    place.textContent = text;
    renderer().then(() => mounted && renderInto(place, text), () => {});
    return () => (mounted = false);
  }, [text]);
  return html`<div class="markdown" ref=${ref}></div>`;
}
