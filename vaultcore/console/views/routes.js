// Routes: not built yet.

import { html, Empty, Page } from "../ui/index.js";

export default () => html`<${Page} title="Routes"><${Empty} icon="routes" title="Not built yet" /><//>`;
