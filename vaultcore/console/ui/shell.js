// The components that the application itself uses, without those of single views.

export { Page, Loading, ErrorNote, Empty } from "./page.js";
export { Confirmation } from "./dialog.js";
export { Toasts } from "./toast.js";
