// What the application itself needs of the components, so that the first view waits for no more than that.

export { Page, Loading, ErrorNote, Empty } from "./page.js";
export { Confirmation } from "./dialog.js";
export { Toasts } from "./toast.js";
