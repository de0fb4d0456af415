// The theme: dark, light, or the system's. The choice is stored in this browser.

import { readItem, writeItem } from "./storage.js";

const NAME = "vaultedge.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Return the current theme, "dark" or "light". */
export const currentTheme = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");

/** Apply the stored theme. */
export function applyTheme() {
  const stored = readItem("localStorage", NAME);
  if (stored === "dark" || stored === "light") document.documentElement.dataset.theme = stored;
}

/** Switch the theme and return its name. */
export function toggle() {
  const next = currentTheme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  writeItem("localStorage", NAME, next);
  return next;
}

/** Call `changed` when the system theme changes. Return a function that unsubscribes. */
export function watch(changed) {
  dark.addEventListener("change", changed);
  return () => dark.removeEventListener("change", changed);
}
