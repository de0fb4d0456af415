// Going back through the changes of the routes: each undo goes a step further, whatever was undone before.

/** What the audit is told of an undo and of a restored version, with the id of the change that is meant. */
export const reasons = { undo: (id) => `undo of ${id}`, restore: (id) => `back to ${id}` };

/** { how: "undo" or "restore", id } of a change that went back, or null. */
export function went(change) {
  const [, how, id] = /^(undo of|back to) (\S+)$/.exec(change?.reason ?? "") ?? [];
  return how ? { how: how === "undo of" ? "undo" : "restore", id } : null;
}

/**
 * The change that undo takes back, of changes newest first, or null. After an undo it is the one before that which was
 * taken back; after going back to a version, the one that made it.
 */
export function undoable(changes) {
  const places = new Map(changes.map(({ id }, at) => [id, at]));
  let at = 0;
  for (;;) {
    const back = went(changes[at]);
    const led = back && places.has(back.id) ? places.get(back.id) + (back.how === "undo" ? 1 : 0) : -1;
    if (led <= at) return changes[at] ?? null;
    at = led;
  }
}
