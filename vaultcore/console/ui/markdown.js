// A model's Markdown as page: through marked and DOMPurify, which are loaded when the first text comes.

import { html, useEffect, useRef } from "./html.js";
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

function renderer() {
  loading ??= Promise.all([import("../vendor/marked.js"), import("../vendor/purify.js")]).then(([{ Marked }, purify]) => {
    const marked = new Marked({ async: false, gfm: true, breaks: true, renderer: PLAIN });
    return (text) => finished(purify.default.sanitize(marked.parse(text), FORBIDDEN));
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
  for (const block of fragment.querySelectorAll("pre, table")) {
    const frame = document.createElement("div");
    Object.assign(frame, { className: block.localName === "pre" ? "code" : "scroll", tabIndex: 0 });
    block.replaceWith(frame);
    frame.append(block);
    if (block.localName !== "pre") continue;
    frame.append(copier(block));
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

/** Markdown: text. Shows the plain text until it can be rendered; safe for text of anybody. */
export function Markdown({ text }) {
  const ref = useRef(null);
  useEffect(() => {
    let wanted = true;
    renderer()
      .then((rendered) => wanted && ref.current.replaceChildren(rendered(text)))
      .catch(() => wanted && (ref.current.textContent = text));
    return () => (wanted = false);
  }, [text]);
  return html`<div class="markdown" ref=${ref}></div>`;
}
