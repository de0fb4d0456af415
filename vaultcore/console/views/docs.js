// Docs: not built yet.

import { html, Empty, Page } from "../ui/index.js";

export default () => html`<${Page} title="Docs"><${Empty} icon="docs" title="Not built yet" /><//>`;
