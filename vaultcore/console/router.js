// Addresses of the console: `#/models?type=image` is the view "models" with the query {type: "image"}.

/** Return the view and the query in the address bar. */
export const currentPlace = () => parseAddress(location.hash);

/** Parse an address, with or without a leading `#/`, into { name, query }. */
export function parseAddress(text) {
  const [path, ...search] = text.replace(/^#?\/?/, "").split("?");
  return { name: path || "overview", query: Object.fromEntries(new URLSearchParams(search.join("?"))) };
}

/** Return the address of a view, for links. Empty query values are omitted. */
export function address(name, query = {}) {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(entries).toString();
  return `#/${name}${search ? `?${search}` : ""}`;
}

/** Go to a view synchronously. `{ replace: true }` replaces the current history entry. */
export function go(name, query = {}, { replace = false } = {}) {
  const target = address(name, query);
  if (target === location.hash) return;
  if (replace) history.replaceState(null, "", target);
  else history.pushState(null, "", target);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

const guards = new Set();
// Registered first: listeners on the window itself run in registration order, capturing or not.
addEventListener("hashchange", (event) => guards.forEach((guard) => guard(event)));

/** Call `guard(event)` before all other listeners of an address change. Return a function that removes the guard. */
export function addGuard(guard) {
  guards.add(guard);
  return () => guards.delete(guard);
}
