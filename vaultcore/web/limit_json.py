"""Limits, usage and money in the JSON of the gateway's own APIs."""

from __future__ import annotations

from typing import Any

from vaultcore.limits.account import Account
from vaultcore.limits.limits import Limits
from vaultcore.money import PER_DOLLAR

FIELDS = {  # field of Limits -> JSON field
    "rpm": "rate_limit_rpm",
    "tpm": "rate_limit_tpm",
    "parallel": "max_parallel",
    "tokens": "token_quota",
    "credits": "credits_usd",
    "day": "budget_day_usd",
    "month": "budget_month_usd",
}


def limits_json(limits: Limits) -> dict[str, Any]:
    """Return limits by JSON field; money in US dollars, null for no limit."""
    return {name: amount_json(field, getattr(limits, field)) for field, name in FIELDS.items()}


def usage_json(account: Account) -> dict[str, Any]:
    """Return an account's usage since it was created; open reservations do not count."""
    return {
        "requests": account.settled,
        "prompt_tokens": account.prompt,
        "completion_tokens": account.completion,
        "total_tokens": account.tokens,
        "cost_usd": dollars(account.nanos),
    }


def amount_json(limit: str, amount: int | None) -> float | None:
    """Return an amount of a limit as JSON: nano-dollars become dollars."""
    return dollars(amount) if amount is not None and FIELDS[limit].endswith("_usd") else amount


def dollars(nanos: int) -> float:
    """Return nano-dollars as dollars: exact to the nano-dollar up to four million dollars."""
    return nanos / PER_DOLLAR  # rounded once, like the decimal text
