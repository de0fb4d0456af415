"""What a request was granted: its reservation, and what its client is told of its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from vaultcore.admission.caller import Caller
from vaultcore.errors import CreditsExhausted, GatewayError, LimitExceeded
from vaultcore.limits.account import Account, Lease, remaining
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, Refused
from vaultcore.usage.request_estimate import RequestEstimate

_SAID = {"rpm": "requests", "tpm": "tokens"}
WHOSE = {"key": "this key", "owner": "this key's owner", "gateway": "the gateway"}
LIMITS = {
    "rpm": "requests per minute",
    "tpm": "tokens per minute",
    "parallel": "requests at a time",
    "tokens": "token quota",
    "credits": "credits",
    "day": "budget for the day",
    "month": "budget for the month",
}
ROOM = "{whose} has no room for this request in its {limit}"


@dataclass(frozen=True, slots=True)
class Grant:
    """`cap` is the completion tokens that the request has to be held to, per choice; None: its own number."""

    caller: Caller
    wanted: RequestEstimate
    levels: Sequence[Level]
    lease: Lease
    reserved: bool
    completion: int = 0  # tokens, of all choices, at most
    cap: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


def told(limits: Limits, account: Account, now: float) -> tuple[tuple[str, str], ...]:
    """The response headers about a key's rates."""
    headers: list[tuple[str, str]] = []
    for name, (limit, left, reset) in remaining(account, limits, now).items():
        what = _SAID[name]
        headers += [
            (f"x-ratelimit-limit-{what}", str(limit)),
            (f"x-ratelimit-remaining-{what}", str(left)),
            (f"x-ratelimit-reset-{what}", f"{ceil(reset)}s"),
        ]
    return tuple(headers)


def refusal(refused: Refused, caller: Caller, now: float) -> GatewayError:
    """What a client is told of a limit that it met."""
    error = _refusal(refused)
    if refused.level == caller.levels[0]:
        error.headers |= dict(told(caller.limits, refused.account, now))
    return error


def _refusal(refused: Refused) -> GatewayError:
    limit, wait = refused.denial.limit, refused.denial.retry_after
    whose = WHOSE[refused.level.account.partition(":")[0]]
    said = ROOM.format(whose=whose, limit=LIMITS[limit])
    if limit == "credits":
        return CreditsExhausted(said)
    if limit == "tokens":
        return LimitExceeded(said, lasting=True, code="quota_exceeded")
    if limit in {"day", "month"}:
        return LimitExceeded(said, lasting=True, code="budget_exceeded", retry_after=wait)
    return LimitExceeded(said, retry_after=wait)
