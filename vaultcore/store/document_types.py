"""The collection and key of every type of document, shared by the code that reads and writes it.

Times in IDs are microseconds since the epoch in 16 digits, so that IDs sort by time. Two collections are not
listed here: `ledger` (`ledger.sealing`) and `content` (`content_log`).
"""

from __future__ import annotations

import json

from vaultcore.limits.account import day_of
from vaultcore.store.base import DocumentKey

KEYS = "keys"  # virtual keys, by ID
ALERTS = "alerts"  # by time
AUDITS = "audits"  # audit entries, by time
SEALS = "seals"  # seals of the ledger, by day and number
POLICY = DocumentKey("policy")  # limits of owners and of the gateway
ROUTES = DocumentKey("routes")  # routes set through the admin API


def timestamp(at: float) -> str:
    """Return a time as IDs begin with it: `1795348800000000`."""
    return f"{round(at * 1_000_000):016d}"


def timed_key(collection: str, at: float, id: str) -> DocumentKey:
    """Return the key of a document about an event at `at`."""
    return DocumentKey(collection, f"{timestamp(at)}-{id}")


def token_key(digest: str) -> DocumentKey:
    """Return the key of a virtual key's copy, found by the digest of its token.

    Each copy has a collection of its own, so that authentication spreads over DynamoDB's partitions.
    """
    return DocumentKey(f"token/{digest}")


def records_collection(day: str) -> str:
    """Return the collection of the records of requests that ended on a day, ordered by time."""
    return f"log/{day}"


def record_key(at: float, id: str) -> DocumentKey:
    """Return the key of the record of a request that ended at `at`."""
    # Every request needs it: as `timed_key(records_collection(day_of(at)), at, id)`, with three calls less.
    return DocumentKey(f"log/{day_of(at)}", f"{round(at * 1_000_000):016d}-{id}")


def usage_collection(day: str) -> str:
    """Return the collection of a day's usage totals, by virtual key, provider and model."""
    return f"usage/{day}"


def usage_key(at: float, key: str, provider: str, model: str) -> DocumentKey:
    """Return the key of the totals of one virtual key, provider and model on the day of `at`."""
    usage_id = json.dumps([key, provider, model], separators=(",", ":"))
    return DocumentKey(usage_collection(day_of(at)), usage_id)


def usage_range(key: str) -> tuple[str, str]:
    """Return exclusive bounds of the IDs of one virtual key in a usage collection."""
    prefix = json.dumps([key]).removesuffix("]")
    return f"{prefix},", f"{prefix}-"


def parse_usage_id(id: str) -> tuple[str, str, str]:
    """Return the virtual key, provider and model of an ID in a usage collection."""
    key, provider, model = json.loads(id)
    return key, provider, model


def refusal_key(account: str, limit: str, period: str, most: int) -> DocumentKey:
    """Return the key that records that an alert about this exhausted limit was sent.

    A changed limit (`most`) has another key, so that it alerts again.
    """
    return DocumentKey(f"refused/{account}", f"{limit}-{period}-{most}")


def claim_key(key: str, digest: str) -> DocumentKey:
    """Return the key of a virtual key's idempotency claim; `digest` is of the client's idempotency key."""
    return DocumentKey(f"claim/{key}/{digest}")
