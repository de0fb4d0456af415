// Everything that views import, from one place: `import { html, Page, Table } from "../ui/index.js"`.

export { html, render, useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useReducer } from "./html.js";
export { Page, Section, Loading, ErrorNote, Empty, Loaded } from "./page.js";
export { Button, IconButton, Field, Select, Toggle, Tabs } from "./controls.js";
export { Icon } from "./icons.js";
export { Dialog, confirm } from "./dialog.js";
export { toast } from "./toast.js";
export { Copy, CopyIcon, Code, Snippets } from "./code.js";
export { Table } from "./table.js";
export { Meter, Tag, Stat } from "./meter.js";
export { Chart } from "./chart.js";
export { Markdown } from "./markdown.js";
export { useFetch, useWidth } from "./hooks.js";
export { useUid } from "./uid.js";
export * as format from "./format.js";
