// Normalizes the notations of routes in the providers file, and validates and compares routes.

/** Return the routes to list: those saved in the console, and those of the file that are not overridden. */
export function toRows(data) {
  if (!data) return [];
  const fromConsole = Object.entries(data.models).map(([name, definition]) => ({
    ...normalize(name, definition), where: "here", hides: Object.hasOwn(data.file, name), broken: data.broken[name] ?? null,
  }));
  const fromFile = Object.entries(data.file)
    .filter(([name]) => !Object.hasOwn(data.models, name))
    .map(([name, definition]) => ({ ...normalize(name, definition), where: "file", hides: false, broken: null }));
  return [...fromConsole, ...fromFile].sort((a, b) => a.name.localeCompare(b.name));
}

/** Return { name, strategy, cache, targets: [{ target, weight }] } for a target, a list, `primary` with `fallbacks`, or `targets`. */
export function normalize(name, definition) {
  const isList = typeof definition !== "object" || definition === null || Array.isArray(definition) || definition.provider || definition.target;
  const list = isList ? definition : definition.targets ?? [definition.primary, ...toList(definition.fallbacks)];
  const strategy = isList || !definition.strategy || definition.strategy === "default" ? "priority" : definition.strategy;
  return { name, strategy, cache: (!isList && definition.cache) || "", targets: toList(list).map(target) };
}

const toList = (value) => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);

function target(definition) {
  if (typeof definition === "string") return { target: definition, weight: 1 };
  return { target: definition?.target ?? `${definition?.provider}/${definition?.model}`, weight: definition?.weight ?? 1 };
}

/** Return a route in the API's format. */
export const toApiRoute = ({ targets, strategy, cache }) => ({
  targets: targets.map((each) => ({ target: each.target.trim(), weight: Number(each.weight) })), strategy, ...(cache && { cache }),
});

export const isSame = (a, b) => JSON.stringify(toApiRoute(a)) === JSON.stringify(toApiRoute(b));

/** Return the errors of a draft, { name, targets: [text or null], none }, or null if it is valid. */
export function validate(draft, takenNames) {
  const name = !draft.name.trim() ? "Enter a name." : takenNames.includes(draft.name.trim()) ? "A route with this name already exists." : null;
  const seenTargets = new Set();
  const targets = draft.targets.map((each) => {
    const text = each.target.trim();
    const weight = Number(each.weight);
    if (!text) return "Enter a model, like openai/gpt-4o-mini.";
    if (seenTargets.has(text)) return "This model is already in the list.";
    seenTargets.add(text);
    if (String(each.weight).trim() === "" || !Number.isInteger(weight) || weight < 0 || weight > 1_000_000) return "Enter a whole number from 0 to 1,000,000.";
    return null;
  });
  const none = draft.targets.length ? null : "Add at least one model.";
  return name || none || targets.some(Boolean) ? { name, targets, none } : null;
}

/** Return a short description of the changes between two sets of routes. */
export function difference(before, after) {
  const [was, is] = [before ?? {}, after ?? {}];
  const parts = [
    ["added", Object.keys(is).filter((name) => !Object.hasOwn(was, name))],
    ["changed", Object.keys(is).filter((name) => Object.hasOwn(was, name) && JSON.stringify(was[name]) !== JSON.stringify(is[name]))],
    ["deleted", Object.keys(was).filter((name) => !Object.hasOwn(is, name))],
  ];
  return parts.filter(([, names]) => names.length).map(([word, names]) => `${word} ${names.join(", ")}`).join("; ") || "no changes";
}
