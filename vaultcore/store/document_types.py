"""Where each kind of document is kept: the names that all who read and write them share.

Times in names are microseconds since 1970 with 16 digits, so that entries sort by them.
"""

from __future__ import annotations

import json

from vaultcore.limits.account import day_of
from vaultcore.store.base import Name

KEYS = "keys"  # virtual keys by id
ALERTS = "alerts"  # by time
AUDITS = "audits"  # by time
SEALS = "seals"  # of the ledger, by day and number
POLICY = Name("policy")  # limits of owners and of the gateway
ROUTES = Name("routes")  # the operator's, set through the admin API


def stamp(at: float) -> str:
    """A time as entries begin with it."""
    return f"{round(at * 1_000_000):016d}"


def timed(shelf: str, at: float, id: str) -> Name:
    """The name of something that happened then."""
    return Name(shelf, f"{stamp(at)}-{id}")


def token(digest: str) -> Name:
    """A virtual key, found by what its holder sends: a shelf of its own, so that no shelf gets hot."""
    return Name(f"token/{digest}")


def log(day: str) -> str:
    """The shelf of the records of requests that ended on a day, by time."""
    return f"log/{day}"


def record(at: float, id: str) -> Name:
    return timed(log(day_of(at)), at, id)


def usage(day: str) -> str:
    """The shelf of a day's sums, by key, provider and model."""
    return f"usage/{day}"


def sums(at: float, key: str, provider: str, model: str) -> Name:
    return Name(usage(day_of(at)), json.dumps([key, provider, model], separators=(",", ":")))


def sums_of(key: str) -> tuple[str, str]:
    """What lies before and behind a key's sums of a day."""
    begun = json.dumps([key]).removesuffix("]")
    return f"{begun},", f"{begun}-"


def summed(entry: str) -> tuple[str, str, str]:
    """The key, provider and model that a day's sum is of."""
    key, provider, model = json.loads(entry)
    return key, provider, model


def refusal(account: str, limit: str, period: str, most: int) -> Name:
    """That somebody has been told of a limit which is used up; another limit is another name."""
    return Name(f"refused/{account}", f"{limit}-{period}-{most}")


def claim(key: str, digest: str) -> Name:
    """The answer to a request with an idempotency key, of which this is a digest."""
    return Name(f"claim/{key}/{digest}")
