// Where the vault's page starts as one file: the same bench, without the console around it.

import { html, render, Confirmation, Toasts } from "./parts.js";
import { Bench } from "./bench.js";

const INTRO = "One encrypted string that holds your provider keys. This file works without a network, and its policy lets it talk to nobody: "
  + "keys and password stay in this page, and are forgotten when you close it.";

render(html`<main id="content"><${Bench} intro=${INTRO} /></main><${Toasts} /><${Confirmation} />`, document.getElementById("vault"));
