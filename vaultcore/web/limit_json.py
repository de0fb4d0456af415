"""Limits, use and money as every API of ours spells them."""

from __future__ import annotations

from typing import Any

from vaultcore.limits.account import Account
from vaultcore.limits.limits import Limits
from vaultcore.money import usd

NAMES = {  # ours -> as they are sent and answered
    "rpm": "rate_limit_rpm",
    "tpm": "rate_limit_tpm",
    "parallel": "max_parallel",
    "tokens": "token_quota",
    "credits": "credits_usd",
    "day": "budget_day_usd",
    "month": "budget_month_usd",
}


def limited(limits: Limits) -> dict[str, Any]:
    """Limits by the names they are sent by; money in US dollars, null is no limit."""
    return {name: spelt(ours, getattr(limits, ours)) for ours, name in NAMES.items()}


def used(account: Account) -> dict[str, Any]:
    """What an account has used for ever; what is reserved at the moment does not count."""
    return {
        "requests": account.settled,
        "prompt_tokens": account.prompt,
        "completion_tokens": account.completion,
        "total_tokens": account.tokens,
        "cost_usd": dollars(account.nanos),
    }


def spelt(limit: str, amount: int | None) -> float | None:
    """An amount of a limit: nano-dollars become dollars."""
    return dollars(amount) if amount is not None and NAMES[limit].endswith("_usd") else amount


def dollars(nanos: int) -> float:
    """Money as it goes out: exact to the nano-dollar up to four million dollars."""
    return float(usd(nanos))
