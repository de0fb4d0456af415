// SVG icons. Each is decorative: a text or a label stands beside it.

import { html } from "./html.js";

const PATHS = {
  overview: "M3 11 12 3l9 8M5 10v10h5v-6h4v6h5V10",
  models: "M12 3l9 5-9 5-9-5zM3 12l9 5 9-5M3 16l9 5 9-5",
  keys: "M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 12l9-9M16 7l3 3",
  playground: "M4 5h16v14H4zM8 9l3 3-3 3M13 15h4",
  chat: "M4 5h16v11H9l-5 4z",
  logs: "M5 6h14M5 12h14M5 18h9",
  usage: "M4 20V4M4 20h16M8 16v-5M12 16V8M16 16v-7",
  balance: "M3 7h18v12H3zM3 11h18M7 15h4",
  routes: "M5 19V9a4 4 0 0 1 4-4h9M15 2l3 3-3 3M5 15h7a4 4 0 0 1 4 4v2",
  vault: "M6 11h12v9H6zM9 11V7a3 3 0 0 1 6 0v4M12 14v3",
  docs: "M6 3h9l4 4v14H6zM14 3v5h5M9 13h7M9 17h7",
  key: "M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM11 12l9-9M16 7l3 3",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  in: "M14 4h5v16h-5M10 8l4 4-4 4M14 12H4",
  moon: "M20 14A8 8 0 1 1 10 4a6.5 6.5 0 0 0 10 10z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  done: "M5 13l4 4L19 7",
  plus: "M12 5v14M5 12h14",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  edit: "M4 20l1-5L16 4l4 4L9 19zM14 6l4 4",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
  refresh: "M20 11a8 8 0 1 0-2 6M20 4v7h-7",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 21 21",
  download: "M12 4v11M7 10l5 5 5-5M4 20h16",
  upload: "M12 16V5M7 10l5-5 5 5M4 20h16",
  send: "M4 12l16-8-6 16-3-6z",
  stop: "M7 7h10v10H7z",
  up: "M6 15l6-6 6 6",
  down: "M6 9l6 6 6-6",
  drag: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01",
  folder: "M3 6h6l2 2h10v11H3z",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4",
  warning: "M12 4 2.5 20h19zM12 10v4M12 17h.01",
};

/** Icon: name. */
export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name] ?? ""} /></svg>`;
