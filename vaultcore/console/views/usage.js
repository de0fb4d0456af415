// Usage: not built yet.

import { html, Empty, Page } from "../ui/index.js";

export default () => html`<${Page} title="Usage"><${Empty} icon="usage" title="Not built yet" /><//>`;
