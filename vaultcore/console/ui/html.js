// Preact, and htm's templates for it: `html`, hooks and `render` come from here, and from vendor/ to nobody else.

import htm from "../vendor/htm.js";
import { h } from "../vendor/preact.js";

export { render, useState, useEffect, useLayoutEffect, useRef, useMemo, useCallback, useReducer } from "../vendor/preact.js";

/**
 * A template. htm would keep what is the same in all renderings of one for ever, and Preact ties it to the tree where it
 * first stood: the password of a vault, once typed, would stay in memory though its page is long gone.
 */
export const html = htm.bind(function made(...given) {
  this[0] = 3; // htm's own word for: keep nothing
  return h(...given);
});
