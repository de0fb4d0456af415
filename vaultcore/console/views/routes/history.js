// Undo for route changes: each undo reverts one more change, based on the reasons in the audit log.

/** The audit reason of an undo or a restore, with the id of the change. */
export const reasons = { undo: (id) => `undo of ${id}`, restore: (id) => `back to ${id}` };

/** Return { how: "undo" or "restore", id } from the reason of a change, or null. */
export function parseReason(change) {
  const [, how, id] = /^(undo of|back to) (\S+)$/.exec(change?.reason ?? "") ?? [];
  return how ? { how: how === "undo of" ? "undo" : "restore", id } : null;
}

/**
 * Return the change that the next undo reverts, or null; `changes` are newest first. After an undo it is the change before
 * the reverted one; after a restore it is the change that created the restored version.
 */
export function undoable(changes) {
  const places = new Map(changes.map(({ id }, at) => [id, at]));
  let at = 0;
  for (;;) {
    const back = parseReason(changes[at]);
    const next = back && places.has(back.id) ? places.get(back.id) + (back.how === "undo" ? 1 : 0) : -1;
    if (next <= at) return changes[at] ?? null;
    at = next;
  }
}
