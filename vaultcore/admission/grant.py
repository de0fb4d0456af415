"""The result of a successful reservation, and the response headers about rate limits."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from vaultcore.admission.caller import Caller
from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.account import Account, Lease, remaining
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level
from vaultcore.usage.request_estimate import RequestEstimate

_HEADER_UNITS = {"rpm": "requests", "tpm": "tokens"}


@dataclass(frozen=True, slots=True)
class Grant:
    """The reservation of a call. `settle` needs it to charge and to free the rest."""

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
    if limits.rpm is None and limits.tpm is None:
        return ()
    headers: list[tuple[str, str]] = []
    for name, (limit, amount, reset) in remaining(account, limits, now).items():
        unit = _HEADER_UNITS[name]
        headers += [
            (f"x-ratelimit-limit-{unit}", str(limit)),
            (f"x-ratelimit-remaining-{unit}", str(amount)),
            (f"x-ratelimit-reset-{unit}", f"{ceil(reset)}s"),
        ]
    return tuple(headers)
