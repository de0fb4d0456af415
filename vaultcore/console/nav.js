// The sidebar: navigation, the signed-in account and the theme switch.

import { html, useEffect, useRef, useState } from "./ui/html.js";
import { menuPages } from "./pages.js";
import { address, go } from "./router.js";
import { signOut } from "./session.js";
import { currentTheme, toggle, watch } from "./theme.js";
import { Button, IconButton } from "./ui/controls.js";
import { Icon } from "./ui/icons.js";
import { Tag } from "./ui/meter.js";

/** Nav: session, current (a page's name). A sidebar on wide screens, otherwise a drawer behind a button. */
export function Nav({ session, current }) {
  const [open, setOpen] = useState(false);
  const menuButton = useRef(null);
  useEffect(() => setOpen(false), [current]);
  const close = (event) => {
    if (event.key !== "Escape" || !open) return;
    setOpen(false);
    menuButton.current?.querySelector("button").focus();
  };
  return html`
    <header class=${open ? "sidebar open" : "sidebar"} onKeyDown=${close}>
      <div class="brand">
        <a href=${address("overview")}><span class="logo" aria-hidden="true">V</span>VaultEdge</a>
        <span ref=${menuButton} class="menu-button"><${IconButton} label=${open ? "Close menu" : "Menu"} icon=${open ? "close" : "menu"}
          aria-expanded=${open ? "true" : "false"} aria-controls="menu" onClick=${() => setOpen(!open)} /></span>
      </div>
      <div class="drawer" id="menu">
        <nav aria-label="Pages"><ul>
          ${menuPages(session.role).map(([name, title]) => html`
            <li key=${name}><a href=${address(name)} aria-current=${name === current ? "page" : undefined} onClick=${() => setOpen(false)}>
              <${Icon} name=${name} />${title}</a></li>`)}
        </ul></nav>
        <div class="sidebar-foot"><${Account} session=${session} /><${Theme} /></div>
      </div>
    </header>`;
}

function Account({ session }) {
  if (!session.role) return html`<${Button} icon="in" onClick=${() => go("sign-in")}>Sign in<//>`;
  return html`
    <div class="account">
      <p><${Tag} kind=${session.role === "admin" ? "info" : ""}>${session.role}<//> <span class="account-name" title=${session.name}>
        ${session.role === "key" ? session.name : ""}</span></p>
      <${Button} small icon="out" onClick=${() => signOut()}>Sign out<//>
    </div>`;
}

function Theme() {
  const [theme, setTheme] = useState(currentTheme());
  useEffect(() => watch(() => setTheme(currentTheme())), []);
  return html`<${IconButton} label=${theme === "dark" ? "Use light theme" : "Use dark theme"} icon=${theme === "dark" ? "sun" : "moon"}
    onClick=${() => setTheme(toggle())} />`;
}
