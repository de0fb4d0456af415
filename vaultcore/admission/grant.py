"""The result of a successful reservation, and the errors and headers that tell clients about limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from vaultcore.admission.caller import Caller
from vaultcore.errors import CreditsExhausted, GatewayError, LimitExceeded
from vaultcore.limits.account import Account, Lease, remaining
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.usage.request_estimate import RequestEstimate

_HEADER_UNITS = {"rpm": "requests", "tpm": "tokens"}
OWNERS = {"key": "this key", "owner": "this key's owner", "gateway": "the gateway"}
LIMITS = {
    "rpm": "requests per minute",
    "tpm": "tokens per minute",
    "parallel": "parallel requests",
    "tokens": "token quota",
    "credits": "credits",
    "day": "daily budget",
    "month": "monthly budget",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What was reserved for a call. `settle` needs it to charge and to free the rest."""

    caller: Caller
    estimate: RequestEstimate
    levels: Sequence[Level]
    lease: Lease
    is_reserved: bool  # False if no level has a limit
    completion: int = 0  # tokens of all choices, at most
    completion_cap: int | None = None  # tokens per choice to limit the request to; None: keep its own maximum
    headers: tuple[tuple[str, str], ...] = ()  # x-ratelimit-*


def rate_limit_headers(limits: Limits, account: Account, now: float) -> tuple[tuple[str, str], ...]:
    """Return the x-ratelimit-* response headers of a key."""
    headers: list[tuple[str, str]] = []
    for name, (limit, amount, reset) in remaining(account, limits, now).items():
        unit = _HEADER_UNITS[name]
        headers += [
            (f"x-ratelimit-limit-{unit}", str(limit)),
            (f"x-ratelimit-remaining-{unit}", str(amount)),
            (f"x-ratelimit-reset-{unit}", f"{ceil(reset)}s"),
        ]
    return tuple(headers)


def limit_error(refused: LimitRefused, caller: Caller, now: float) -> GatewayError:
    """Return the client's error for a reservation that a limit refused."""
    error = _error(refused)
    if refused.level == caller.levels[0]:
        error.headers |= dict(rate_limit_headers(caller.limits, refused.account, now))
    return error


def _error(refused: LimitRefused) -> GatewayError:
    limit, wait = refused.denial.limit, refused.denial.retry_after
    owner = OWNERS[refused.level.account.partition(":")[0]]
    if limit == "credits":
        return CreditsExhausted(f"Credits used up: {owner} has too few credits left for this request")
    text = f"{LIMITS[limit]} of {owner}"
    if limit == "tokens":
        message = f"Quota reached: the {text} is too small for this request"
        return LimitExceeded(message, lasting=True, code="quota_exceeded")
    if limit in {"day", "month"}:
        message = f"Budget reached: the {text} is too small for this request"
        return LimitExceeded(message, lasting=True, code="budget_exceeded", retry_after=wait)
    most = getattr(refused.level.limits, limit)
    return LimitExceeded(f"Rate limit reached: {most} {text}", retry_after=wait)
