// A view's frame, and the states that a view can be in besides its own.

import { html, useEffect } from "./html.js";
import { Button } from "./controls.js";
import { Icon } from "./icons.js";

/** Page: title, intro, actions (nodes beside the title), wide. Sets the document's title; its h1 gets the focus. */
export function Page({ title, intro, actions, wide = false, children }) {
  useEffect(() => {
    document.title = `${title} · VaultEdge`;
  }, [title]);
  return html`
    <div class=${wide ? "page wide" : "page"}>
      <header class="page-head">
        <div><h1 tabindex="-1">${title}</h1>${intro && html`<p class="dim">${intro}</p>`}</div>
        ${actions && html`<div class="actions">${actions}</div>`}
      </header>
      ${children}
    </div>`;
}

/** Section: title, actions, class: a titled card within a page. */
export const Section = ({ title, actions, class: more = "", children }) => html`
  <section class=${`card ${more}`}>
    ${(title || actions) && html`<header class="card-head"><h2>${title}</h2>${actions && html`<div class="actions">${actions}</div>`}</header>`}
    ${children}
  </section>`;

/** Loading: label, lines. Keeps the place of what will come. */
export const Loading = ({ label = "Loading …", lines = 3 }) => html`
  <div class="loading" role="status"><span class="hidden">${label}</span>
    ${Array.from({ length: lines }, (_, index) => html`<div class="bone" key=${index}></div>`)}</div>`;

/** ErrorNote: error (an ApiError or any Error), retry (callback), title. */
export function ErrorNote({ error, retry, title }) {
  if (!error) return null;
  return html`
    <div class="note bad" role="alert">
      <${Icon} name="warning" />
      <div>
        <p><strong>${title ?? (error.code === "offline" ? "Offline" : "That did not work")}.</strong> ${error.message}</p>
        ${(error.status > 0 || error.param || error.id) && html`<p class="dim small">
          ${[error.status > 0 && `${error.status} ${error.code}`, error.param && `field ${error.param}`, error.id && `request ${error.id}`]
            .filter(Boolean).join(" · ")}</p>`}
      </div>
      ${retry && html`<${Button} small onClick=${retry}>Try again<//>`}
    </div>`;
}

/** Empty: title, icon, children (what to do about it). */
export const Empty = ({ title, icon = "docs", children }) => html`
  <div class="empty"><${Icon} name=${icon} /><p><strong>${title}</strong></p><div class="dim">${children}</div></div>`;

/** Loaded: asked (of useAsked), lines, empty (data => bool), none (node), children (data => node). */
export function Loaded({ asked, lines, empty, none, children }) {
  const { data, error, retry } = asked;
  const render = Array.isArray(children) ? children.find((each) => typeof each === "function") : children;
  return html`
    ${error && html`<${ErrorNote} error=${error} retry=${retry} />`}
    ${data === null ? !error && html`<${Loading} lines=${lines} />` : empty?.(data) ? none : render(data)}`;
}
