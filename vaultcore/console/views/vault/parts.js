// The components that the vault is built of, and no others: they hold no code that could ask a server, and go with it
// into the one file that works without one.

export { html, render, useEffect, useRef, useState } from "../../ui/html.js";
export { Page, Section, ErrorNote, Empty } from "../../ui/page.js";
export { Button, IconButton, Field, Toggle, Tabs } from "../../ui/controls.js";
export { Confirmation, confirm } from "../../ui/dialog.js";
export { Toasts, toast } from "../../ui/toast.js";
export { Copy, Code } from "../../ui/code.js";
export { Tag } from "../../ui/meter.js";
export * as format from "../../ui/format.js";
