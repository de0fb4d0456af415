// Models: not built yet.

import { html, Empty, Page } from "../ui/index.js";

export default () => html`<${Page} title="Models"><${Empty} icon="models" title="Not built yet" /><//>`;
