"""The collections of refused requests: rows of single requests, and sums by day and key.

Both are apart from the records of admitted requests, so that no usage, charge or ledger includes a refusal.
"""

from __future__ import annotations

from vaultcore.limits.account import day_of
from vaultcore.store.base import DocumentKey
from vaultcore.store.document_types import timed_key

UNAUTHORIZED = "unauthorized"  # in place of a key's ID in the sums: all 401 responses of the gateway
OTHER_KEYS = "other keys"  # in place of a key's ID in the sums: more keys than one process counts at a time


def refusals_collection(day: str) -> str:
    """Return the collection of the first refused requests of each key on a day, ordered by time."""
    return f"refusals/rows/{day}"


def refusal_row_key(at: float, id: str) -> DocumentKey:
    """Return the key of the row of a request that was refused at `at`."""
    return timed_key(refusals_collection(day_of(at)), at, id)


def refusal_sums_collection(day: str) -> str:
    """Return the collection of a day's sums of refusals, by virtual key."""
    return f"refusals/sums/{day}"


def refusal_sums_key(day: str, key: str) -> DocumentKey:
    """Return the key of one virtual key's sums of refusals on a day."""
    return DocumentKey(refusal_sums_collection(day), key)
