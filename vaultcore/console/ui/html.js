// Preact with htm templates. Import `html`, hooks and `render` from here; nothing else imports them from vendor/.

import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { render, useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useReducer } from "../vendor/preact.js";

/**
 * A template, without htm's cache. htm caches the static parts of a template forever, and Preact links them to the tree
 * of their first render: a vault password would stay in memory after its page is closed.
 */
export const html = htm.bind(function build(...parts) {
  this[0] = 3; // htm's flag for "do not cache"
  return h(...parts);
});
