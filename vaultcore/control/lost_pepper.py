"""Stored documents that depend on the pepper, for a gateway whose pepper was lost.

Virtual keys are found by a digest with the pepper. Keys, limits, routes and the ledger's seals are signed
with it. With another pepper, no key is valid, and the gateway does not trust what is signed.
"""

from __future__ import annotations

from vaultcore.control.audit import AuditChange, audit_entry
from vaultcore.store import document_types
from vaultcore.store.base import Delete, Store

REQUEST_ID = "new-pepper"  # of the audit entry
PAGE_SIZE = 20  # documents per write: a store takes 25


async def find_dependents(store: Store) -> str | None:
    """Return what in the store depends on the pepper, None if nothing does. Raises StoreUnavailable."""
    if await store.query(document_types.KEYS, limit=1):
        return "virtual keys"
    policy, routes = await store.get(document_types.POLICY, document_types.ROUTES)
    if policy is not None:
        return "limits"
    if routes is not None:
        return "routes"
    return "a signed ledger" if await store.query(document_types.SEALS, limit=1) else None


async def delete_dependents(store: Store, now: float) -> int:
    """Delete virtual keys, limits and routes, which no other pepper can verify. Return the number of keys.

    Usage, records and seals stay; seals do not verify with another pepper. Raises StoreUnavailable.
    """
    number = 0
    while page := await store.query(document_types.KEYS, limit=PAGE_SIZE):
        await store.write(*(Delete(each.key) for each in page))
        number += len(page)
    change = AuditChange("pepper.replace", "pepper", None, {"deleted_keys": number})
    await store.write(
        Delete(document_types.POLICY), Delete(document_types.ROUTES), audit_entry(change, now, REQUEST_ID)
    )
    return number
