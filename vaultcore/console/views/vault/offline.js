// Entry point of the offline vault page: the vault editor without the console.

import { html, render, Confirmation, Toasts } from "./components.js";
import { VaultEditor } from "./editor.js";

const INTRO = "An encrypted string with your provider keys. This file works without a network, and its policy blocks all connections. "
  + "Keys and password stay in this page and are cleared when you close it.";

render(html`<main id="content"><${VaultEditor} intro=${INTRO} /></main><${Toasts} /><${Confirmation} />`, document.getElementById("vault"));
