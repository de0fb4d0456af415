// Chat: not built yet.

import { html, Empty, Page } from "../ui/index.js";

export default () => html`<${Page} title="Chat"><${Empty} icon="chat" title="Not built yet" /><//>`;
