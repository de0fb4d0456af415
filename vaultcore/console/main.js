// Entry point: applies the theme before the first paint, then renders the application.

import { html, render } from "./ui/html.js";
import { App } from "./app.js";
import { restore } from "./session.js";
import { applyTheme } from "./theme.js";

const RESTORE_TIMEOUT = 400; // milliseconds to wait for the gateway before the first render

applyTheme();
const root = document.getElementById("console");
const timeout = new Promise((resolve) => setTimeout(resolve, RESTORE_TIMEOUT));
Promise.race([restore(), timeout]).finally(() => render(html`<${App} />`, root));
