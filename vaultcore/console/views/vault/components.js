// The components of the vault page. None of them contains code that sends requests; they are also part of the offline page.

export { html, render, useEffect, useRef, useState } from "../../ui/html.js";
export { Page, Section, ErrorNote, Empty } from "../../ui/page.js";
export { Button, IconButton, Field, Toggle, Tabs } from "../../ui/controls.js";
export { Confirmation, confirm } from "../../ui/dialog.js";
export { Toasts, toast } from "../../ui/toast.js";
export { Copy, Code } from "../../ui/code.js";
export { Tag } from "../../ui/meter.js";
export * as format from "../../ui/format.js";
