// A view's frame, and its loading, error and empty states.

import { html, useEffect } from "./html.js";
import { Button } from "./controls.js";
import { Icon } from "./icons.js";

/** Page: title, intro, actions (nodes beside the title), wide. Sets the document's title; its h1 takes the focus. */
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

/** Loading: label, lines. A placeholder of `lines` bars. */
export const Loading = ({ label = "Loading …", lines = 3 }) => html`
  <div class="loading" role="status"><span class="visually-hidden">${label}</span>
    ${Array.from({ length: lines }, (_, index) => html`<div class="skeleton" key=${index}></div>`)}</div>`;

/** ErrorNote: error (an ApiError or any Error), retry (callback), title. */
export function ErrorNote({ error, retry, title }) {
  if (!error) return null;
  return html`
    <div class="note bad" role="alert">
      <${Icon} name="warning" />
      <div>
        <p><strong>${title ?? (error.code === "offline" ? "Offline" : "Request failed")}.</strong> ${error.message}</p>
        ${(error.status > 0 || error.param || error.id) && html`<p class="dim small">
          ${[error.status > 0 && `${error.status} ${error.code}`, error.param && `field ${error.param}`, error.id && `request ${error.id}`]
            .filter(Boolean).join(" · ")}</p>`}
      </div>
      ${retry && html`<${Button} small onClick=${retry}>Try again<//>`}
    </div>`;
}

/** Empty: title, icon, children (what to do). */
export const Empty = ({ title, icon = "docs", children }) => html`
  <div class="empty"><${Icon} name=${icon} /><p><strong>${title}</strong></p><div class="dim">${children}</div></div>`;

/** Loaded: result (of useFetch), lines, empty (data => bool), none (node), children (data => node). */
export function Loaded({ result, lines, empty, none, children }) {
  const { data, error, retry } = result;
  const render = Array.isArray(children) ? children.find((each) => typeof each === "function") : children;
  return html`
    ${error && html`<${ErrorNote} error=${error} retry=${retry} />`}
    ${data === null ? !error && html`<${Loading} lines=${lines} />` : empty?.(data) ? none : render(data)}`;
}
