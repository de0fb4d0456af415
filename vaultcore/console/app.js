// The application: selects the view for the address and the role, and moves the focus.

import { html, useEffect, useRef, useState } from "./ui/html.js";
import { Nav } from "./nav.js";
import { PAGES } from "./pages.js";
import { OfflineNotice } from "./offline-notice.js";
import { address, go, currentPlace } from "./router.js";
import { api, session as currentSession, watch } from "./session.js";
import { SessionRestore } from "./session-restore.js";
import { Confirmation, Empty, ErrorNote, Loading, Page, Toasts } from "./ui/shell.js";

/** App: no props. */
export function App() {
  const place = usePlace();
  const [session, setSession] = useState(currentSession());
  useEffect(() => {
    setSession(currentSession()); // the session may have changed since the first render
    return watch(setSession);
  }, []);
  const page = Object.hasOwn(PAGES, place.name) ? PAGES[place.name] : null;
  const forbidden = page && !page.roles.includes(session.role);
  const isRestoring = session.restoring || session.error;
  const needsSignIn = forbidden && session.role === null && !isRestoring;
  useEffect(() => {
    if (needsSignIn) go("sign-in", { next: address(place.name, place.query).slice(2) }, { replace: true });
  }, [needsSignIn, place]);
  return html`
    <a class="skip-link" href="#content" onClick=${skip}>Skip to content</a>
    <${OfflineNotice} />
    <div class="frame">
      <${Nav} session=${session} current=${place.name} />
      <main id="content" tabindex="-1">
        ${!page ? html`<${NotFound} />`
          : isRestoring && (forbidden || place.name === "overview") ? html`<${SessionRestore} title=${page.title} session=${session} />`
          : forbidden ? html`<${AccessDenied} page=${page} />`
          : html`<${View} page=${page} place=${place} session=${session} />`}
      </main>
    </div>
    <${Toasts} /><${Confirmation} />`;
}

function usePlace() {
  const [place, setPlace] = useState(currentPlace());
  useEffect(() => {
    const update = () => setPlace(currentPlace());
    addEventListener("hashchange", update);
    return () => removeEventListener("hashchange", update);
  }, []);
  return place;
}

/** The view of a page. The previous view stays until the new view's code is loaded, to avoid layout shifts. */
function View({ page, place, session }) {
  const [loaded, setLoaded] = useState({ page: null, Component: null, error: null });
  const [attempt, setAttempt] = useState(0);
  const first = useRef(true);
  useEffect(() => {
    let active = true;
    page.load().then(
      (module) => active && setLoaded({ page, Component: module.default, error: null }),
      (error) => active && setLoaded({ page, Component: null, error }),
    );
    return () => (active = false);
  }, [page, attempt]);
  useEffect(() => {
    if (loaded.page && !first.current) document.querySelector("#content h1")?.focus({ preventScroll: true });
    if (loaded.page) first.current = false;
    scrollTo(0, 0);
  }, [loaded.page]);
  if (loaded.error) return html`<${Page} title=${page.title}><${ErrorNote} error=${loaded.error} retry=${() => setAttempt(attempt + 1)} /><//>`;
  if (!loaded.Component) return html`<${Page} title=${page.title}><${Loading} /><//>`;
  const query = loaded.page === page ? place.query : {};
  const instanceKey = `${loaded.page.title} ${session.role} ${session.id}`;
  return html`<${loaded.Component} key=${instanceKey} session=${session} api=${api} go=${go} query=${query} />`;
}

/** Move the focus. The browser cannot follow the link itself, because the hash names the view. */
function skip(event) {
  event.preventDefault();
  document.getElementById("content").focus();
}

const NotFound = () => html`
  <${Page} title="Not found"><${Empty} title="Page not found"><a href=${address("overview")}>Go to the overview</a><//><//>`;

const AccessDenied = ({ page }) => html`
  <${Page} title=${page.title}><${Empty} icon="key" title="This page requires the admin key">
    With a virtual key you can see its usage and models, and use the playground and the chat.<//><//>`;
