// Routes in one form, whichever of the file's spellings they were written in.

/** Rows to show: what was set here, and of the file what is not hidden by it. */
export function rows(data) {
  if (!data) return [];
  const own = Object.entries(data.models).map(([name, told]) => ({
    ...formed(name, told), where: "here", hides: Object.hasOwn(data.file, name), broken: data.broken[name] ?? null,
  }));
  const theirs = Object.entries(data.file)
    .filter(([name]) => !Object.hasOwn(data.models, name))
    .map(([name, told]) => ({ ...formed(name, told), where: "file", hides: false, broken: null }));
  return [...own, ...theirs].sort((a, b) => a.name.localeCompare(b.name));
}

/** { name, strategy, targets: [{ target, weight }] } of a target, a list, `primary` with `fallbacks`, or `targets`. */
export function formed(name, told) {
  const alone = typeof told !== "object" || told === null || Array.isArray(told) || told.provider || told.target;
  const given = alone ? told : told.targets ?? [told.primary, ...listed(told.fallbacks)];
  const strategy = alone || !told.strategy || told.strategy === "default" ? "priority" : told.strategy;
  return { name, strategy, targets: listed(given).map(target) };
}

const listed = (value) => (value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]);

function target(told) {
  if (typeof told === "string") return { target: told, weight: 1 };
  return { target: told?.target ?? `${told?.provider}/${told?.model}`, weight: told?.weight ?? 1 };
}

/** As the API takes it. */
export const bare = ({ targets, strategy }) => ({
  targets: targets.map((each) => ({ target: each.target.trim(), weight: Number(each.weight) })), strategy,
});

export const same = (a, b) => JSON.stringify(bare(a)) === JSON.stringify(bare(b));

/** What is wrong with a draft: { name, targets: [text or null], none }. Null where nothing is. */
export function wrong(draft, taken) {
  const name = !draft.name.trim() ? "A route needs a name." : taken.includes(draft.name.trim()) ? "There is a route of this name already." : null;
  const seen = new Set();
  const targets = draft.targets.map((each) => {
    const text = each.target.trim();
    const weight = Number(each.weight);
    if (!text) return "Write a model, like openai/gpt-4o-mini.";
    if (seen.has(text)) return "This model is in the list already.";
    seen.add(text);
    if (String(each.weight).trim() === "" || !Number.isInteger(weight) || weight < 0 || weight > 1_000_000) return "A weight is a whole number from 0 to 1,000,000.";
    return null;
  });
  const none = draft.targets.length ? null : "Add at least one model.";
  return name || none || targets.some(Boolean) ? { name, targets, none } : null;
}

/** What changed from one set of routes to another, in a few words. */
export function difference(before, after) {
  const [was, is] = [before ?? {}, after ?? {}];
  const parts = [
    ["added", Object.keys(is).filter((name) => !Object.hasOwn(was, name))],
    ["changed", Object.keys(is).filter((name) => Object.hasOwn(was, name) && JSON.stringify(was[name]) !== JSON.stringify(is[name]))],
    ["deleted", Object.keys(was).filter((name) => !Object.hasOwn(is, name))],
  ];
  return parts.filter(([, names]) => names.length).map(([word, names]) => `${word} ${names.join(", ")}`).join("; ") || "nothing changed";
}
