// Logs: not built yet.

import { html, Empty, Page } from "../ui/index.js";

export default () => html`<${Page} title="Logs"><${Empty} icon="logs" title="Not built yet" /><//>`;
