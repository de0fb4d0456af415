// Where the console starts: the theme first, lest the page flashes, then the application.

import { html, render } from "./ui/html.js";
import { App } from "./app.js";
import { restore } from "./session.js";
import { settle } from "./theme.js";

const PATIENCE = 400; // milliseconds; a gateway that takes longer is waited for on the page

settle();
const place = document.getElementById("console");
const waited = new Promise((resolve) => setTimeout(resolve, PATIENCE));
Promise.race([restore(), waited]).finally(() => render(html`<${App} />`, place));
