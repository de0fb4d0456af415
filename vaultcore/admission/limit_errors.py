"""The errors for requests that a limit refuses: the limit, what the request needs, and what remains of it.

A client sees the numbers of its own key. The numbers of its owner and of the gateway are for operators only.
"""

from __future__ import annotations

from vaultcore.admission.caller import Caller
from vaultcore.admission.grant import rate_limit_headers
from vaultcore.errors import CreditsExhausted, GatewayError, LimitExceeded, LimitShortage, whole_seconds
from vaultcore.limits.account import Lease, needed, remaining, reserved
from vaultcore.limits.bounds import BOUNDS
from vaultcore.limits.reservation import LimitRefused
from vaultcore.money import format_usd

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
TITLES = {
    "tokens": "Quota reached",
    "credits": "Credits used up",
    "day": "Budget reached",
    "month": "Budget reached",
}


class ReservationRefused(Exception):
    """A level has no capacity for a reservation."""

    def __init__(self, cause: LimitRefused, lease: Lease) -> None:
        super().__init__(str(cause))
        self.cause, self.lease = cause, lease  # the lease is the one that was refused


def limit_error(refused: LimitRefused, caller: Caller, now: float, need: Lease | None = None) -> GatewayError:
    """Return the client's error for a reservation that a limit refused.

    `need` is the lease that was refused; None: the gateway refused the request before it read the body.
    """
    shortage = _find_shortage(refused, now, need)
    error = _error(shortage, refused.denial.retry_after)
    error.shortage = shortage
    if refused.level == caller.levels[0]:
        error.headers |= dict(rate_limit_headers(caller.limits, refused.account, now))
    return error


def _find_shortage(refused: LimitRefused, now: float, need: Lease | None) -> LimitShortage:
    limit, limits, account = refused.denial.limit, refused.level.limits, refused.account
    most: int = getattr(limits, limit)
    bound = BOUNDS[limit]
    if bound.counts:
        rest = remaining(account, limits, now)[limit][1]
    else:
        rest = max(0, most - reserved(account, limit))
    amount = None if bound.need else 1
    if need is not None:
        amount = needed(bound, need)
    return LimitShortage(account_level(refused.level.account), limit, most, rest, amount)


def account_level(account: str) -> str:
    """Return the level of an account's name: key, owner or gateway."""
    return account.partition(":")[0]


def _error(shortage: LimitShortage, wait: float | None) -> GatewayError:
    text = f"{TITLES.get(shortage.limit, 'Rate limit reached')}: {_explain(shortage)}."
    if wait is not None:
        text += f" Retry after {whole_seconds(wait)} s."
    match shortage.limit:
        case "credits":
            return CreditsExhausted(text)
        case "tokens":
            return LimitExceeded(text, lasting=True, code="quota_exceeded")
        case "day" | "month":
            return LimitExceeded(text, lasting=True, code="budget_exceeded", retry_after=wait)
        case _:
            return LimitExceeded(text, retry_after=wait)


def _explain(shortage: LimitShortage) -> str:
    limit, name, owner = shortage.limit, LIMITS[shortage.limit], OWNERS[shortage.level]
    need = f"this request needs up to {_amount(limit, shortage.needed)}" if shortage.needed else ""
    if limit in {"rpm", "parallel"}:
        need = ""  # always 1
    if shortage.level != "key":
        if not need:
            return f"{owner} has no {name} remaining"
        return f"{need}, more than the remaining {name} of {owner}"
    most, rest = _amount(limit, shortage.most), _amount(limit, shortage.remaining)
    match limit:
        case "credits":
            return _join(need, f"{owner} has {rest} left")
        case "day" | "month":
            return _join(need, f"{owner} has {rest} of its {name} of {most} left")
        case "tokens":
            return _join(need, f"{owner} has {rest} of its {most} left")
        case _:
            singular = name.replace("requests", "request") if shortage.most == 1 else name
            return _join(f"{most.removesuffix(' tokens')} {singular} of {owner}; {rest} left", need)


def _join(first: str, second: str) -> str:
    return " and ".join(part for part in (first, second) if part)


def _amount(limit: str, amount: int | None) -> str:
    if BOUNDS[limit].is_money:
        return f"${format_usd(amount or 0)}"
    return f"{amount or 0:,} tokens" if limit in {"tpm", "tokens"} else f"{amount or 0:,}"
