// Addresses of the console: `#/models?type=image` is the view "models" with the query {type: "image"}.

/** The view and the query that the address bar names. */
export const here = () => parsed(location.hash);

/** The view and the query of an address, with or without `#/` in front. */
export function parsed(text) {
  const [path, ...search] = text.replace(/^#?\/?/, "").split("?");
  return { name: path || "overview", query: Object.fromEntries(new URLSearchParams(search.join("?"))) };
}

/** The address of a view, for links; what is empty in the query is left out. */
export function address(name, query = {}) {
  const kept = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(kept).toString();
  return `#/${name}${search ? `?${search}` : ""}`;
}

/** Go to a view, at once: what is done next is done there. With `{ replace: true }` the way back leads past where we are. */
export function go(name, query = {}, { replace = false } = {}) {
  const wanted = address(name, query);
  if (wanted === location.hash) return;
  if (replace) history.replaceState(null, "", wanted);
  else history.pushState(null, "", wanted);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

const guards = new Set();
// Before anybody else listens: what a window hears itself goes to its listeners in their order, capturing or not.
addEventListener("hashchange", (event) => guards.forEach((guard) => guard(event)));

/** Let `guard(event)` see every new address first, to keep it from all others; returns what ends that. */
export function watch(guard) {
  guards.add(guard);
  return () => guards.delete(guard);
}
