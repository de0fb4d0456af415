// The application: which view is shown to whom, where the focus goes, and what is over all views.

import { html, useEffect, useRef, useState } from "./ui/html.js";
import { Nav } from "./nav.js";
import { PAGES } from "./pages.js";
import { Standing } from "./standing.js";
import { address, go, here } from "./router.js";
import { api, session as signedIn, watch } from "./session.js";
import { Unsettled } from "./unsettled.js";
import { Confirmation, Empty, ErrorNote, Loading, Page, Toasts } from "./ui/shell.js";

/** App: no props. */
export function App() {
  const place = usePlace();
  const [session, become] = useState(signedIn());
  useEffect(() => {
    become(signedIn()); // it may have changed since it was drawn
    return watch(become);
  }, []);
  const page = Object.hasOwn(PAGES, place.name) ? PAGES[place.name] : null;
  const shut = page && !page.roles.includes(session.role);
  const unsettled = session.waiting || session.failed;
  const away = shut && session.role === null && !unsettled;
  useEffect(() => {
    if (away) go("sign-in", { next: address(place.name, place.query).slice(2) }, { replace: true });
  }, [away, place]);
  return html`
    <a class="skip" href="#content" onClick=${skip}>Skip to content</a>
    <${Standing} />
    <div class="frame">
      <${Nav} session=${session} current=${place.name} />
      <main id="content" tabindex="-1">
        ${!page ? html`<${Missing} />`
          : unsettled && (shut || place.name === "overview") ? html`<${Unsettled} title=${page.title} session=${session} />`
          : shut ? html`<${Shut} page=${page} />`
          : html`<${View} page=${page} place=${place} session=${session} />`}
      </main>
    </div>
    <${Toasts} /><${Confirmation} />`;
}

function usePlace() {
  const [place, move] = useState(here());
  useEffect(() => {
    const moved = () => move(here());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}

/** The view of a page, once its code is here; until then the one before, so that nothing jumps. */
function View({ page, place, session }) {
  const [held, hold] = useState({ page: null, Shown: null, error: null });
  const [turn, again] = useState(0);
  const first = useRef(true);
  useEffect(() => {
    let wanted = true;
    page.load().then(
      (module) => wanted && hold({ page, Shown: module.default, error: null }),
      (error) => wanted && hold({ page, Shown: null, error }),
    );
    return () => (wanted = false);
  }, [page, turn]);
  useEffect(() => {
    if (held.page && !first.current) document.querySelector("#content h1")?.focus({ preventScroll: true });
    if (held.page) first.current = false;
    scrollTo(0, 0);
  }, [held.page]);
  if (held.error) return html`<${Page} title=${page.title}><${ErrorNote} error=${held.error} retry=${() => again(turn + 1)} /><//>`;
  if (!held.Shown) return html`<${Page} title=${page.title}><${Loading} /><//>`;
  const query = held.page === page ? place.query : {};
  const whose = `${held.page.title} ${session.role} ${session.id}`;
  return html`<${held.Shown} key=${whose} session=${session} api=${api} go=${go} query=${query} />`;
}

/** The link cannot be followed: the address names the view. */
function skip(event) {
  event.preventDefault();
  document.getElementById("content").focus();
}

const Missing = () => html`
  <${Page} title="Not found"><${Empty} title="There is no such page"><a href=${address("overview")}>To the overview</a><//><//>`;

const Shut = ({ page }) => html`
  <${Page} title=${page.title}><${Empty} icon="key" title="This page needs the admin key">
    A virtual key sees its own usage, its models, the playground and the chat.<//><//>`;
