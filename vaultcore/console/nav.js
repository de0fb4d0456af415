// The frame around every view: navigation, who is signed in, the theme.

import { html, useEffect, useRef, useState } from "./ui/html.js";
import { listed } from "./pages.js";
import { address, go } from "./router.js";
import { signOut } from "./session.js";
import { shown, toggle, watch } from "./theme.js";
import { Button, IconButton } from "./ui/controls.js";
import { Icon } from "./ui/icons.js";
import { Tag } from "./ui/meter.js";

/** Nav: session, current (a page's name). A sidebar where there is room, else a drawer behind a button. */
export function Nav({ session, current }) {
  const [open, show] = useState(false);
  const opener = useRef(null);
  useEffect(() => show(false), [current]);
  const close = (event) => {
    if (event.key !== "Escape" || !open) return;
    show(false);
    opener.current?.querySelector("button").focus();
  };
  return html`
    <header class=${open ? "side open" : "side"} onKeyDown=${close}>
      <div class="brand">
        <a href=${address("overview")}><span class="mark" aria-hidden="true">V</span>VaultEdge</a>
        <span ref=${opener} class="opener"><${IconButton} label=${open ? "Close menu" : "Menu"} icon=${open ? "close" : "menu"}
          aria-expanded=${open ? "true" : "false"} aria-controls="menu" onClick=${() => show(!open)} /></span>
      </div>
      <div class="drawer" id="menu">
        <nav aria-label="Pages"><ul>
          ${listed(session.role).map(([name, title]) => html`
            <li key=${name}><a href=${address(name)} aria-current=${name === current ? "page" : undefined} onClick=${() => show(false)}>
              <${Icon} name=${name} />${title}</a></li>`)}
        </ul></nav>
        <div class="side-foot"><${Badge} session=${session} /><${Theme} /></div>
      </div>
    </header>`;
}

function Badge({ session }) {
  if (!session.role) return html`<${Button} icon="in" onClick=${() => go("sign-in")}>Sign in<//>`;
  return html`
    <div class="badge">
      <p><${Tag} kind=${session.role === "admin" ? "info" : ""}>${session.role}<//> <span class="badge-name" title=${session.name}>
        ${session.role === "key" ? session.name : ""}</span></p>
      <${Button} small icon="out" onClick=${() => signOut()}>Sign out<//>
    </div>`;
}

function Theme() {
  const [theme, become] = useState(shown());
  useEffect(() => watch(() => become(shown())), []);
  return html`<${IconButton} label=${theme === "dark" ? "Use light theme" : "Use dark theme"} icon=${theme === "dark" ? "sun" : "moon"}
    onClick=${() => become(toggle())} />`;
}
