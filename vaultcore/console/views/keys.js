// API keys: not built yet.

import { html, Empty, Page } from "../ui/index.js";

export default () => html`<${Page} title="API keys"><${Empty} icon="keys" title="Not built yet" /><//>`;
