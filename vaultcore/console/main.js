// Where the console starts: the theme first, lest the page flashes, then the application.

import { html, render } from "./ui/html.js";
import { App } from "./app.js";
import { restore } from "./session.js";
import { settle } from "./theme.js";

settle();
const place = document.getElementById("console");
restore().finally(() => render(html`<${App} />`, place));
