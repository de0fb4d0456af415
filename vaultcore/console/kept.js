// What the browser keeps for the console. Where it may keep nothing, as with all cookies blocked, nothing is kept.

/** What is kept as `name` in an area, "localStorage" or "sessionStorage"; null where nothing is. */
export function kept(area, name) {
  try {
    return window[area].getItem(name);
  } catch {
    return null;
  }
}

/** Keep a text, or with null forget it. */
export function keep(area, name, text) {
  try {
    if (text === null) window[area].removeItem(name);
    else window[area].setItem(name, text);
  } catch {
    // It is in memory, which has to do.
  }
}
