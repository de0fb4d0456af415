// Vault: not built yet.

import { html, Empty, Page } from "../ui/index.js";

export default () => html`<${Page} title="Vault"><${Empty} icon="vault" title="Not built yet" /><//>`;
