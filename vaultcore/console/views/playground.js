// Playground: not built yet.

import { html, Empty, Page } from "../ui/index.js";

export default () => html`<${Page} title="Playground"><${Empty} icon="playground" title="Not built yet" /><//>`;
