// Dark, light, or as the system has it; the choice is kept in this browser.

import { keep, kept } from "./kept.js";

const NAME = "vaultedge.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** "dark" or "light": what is shown now. */
export const shown = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");

/** Show what was chosen before. */
export function settle() {
  const chosen = kept("localStorage", NAME);
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
}

/** Show the other one, and return its name. */
export function toggle() {
  const next = shown() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  keep("localStorage", NAME, next);
  return next;
}

/** Call back when the system changes its mind; returns what ends that. */
export function watch(changed) {
  dark.addEventListener("change", changed);
  return () => dark.removeEventListener("change", changed);
}
