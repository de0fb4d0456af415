// Balance: not built yet.

import { html, Empty, Page } from "../ui/index.js";

export default () => html`<${Page} title="Balance"><${Empty} icon="balance" title="Not built yet" /><//>`;
