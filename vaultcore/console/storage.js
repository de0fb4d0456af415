// Reads and writes web storage. Without access, as with all cookies blocked, reads return null and writes do nothing.

/** Return the text stored as `name` in "localStorage" or "sessionStorage", or null. */
export function readItem(area, name) {
  try {
    return window[area].getItem(name);
  } catch {
    return null;
  }
}

/** Store a text; null removes it. */
export function writeItem(area, name, text) {
  try {
    if (text === null) window[area].removeItem(name);
    else window[area].setItem(name, text);
  } catch {
    // Storage is unavailable: the value stays in memory only.
  }
}
