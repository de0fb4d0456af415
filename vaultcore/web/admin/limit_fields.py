"""Limits as the admin API spells them, for keys, owners and the gateway alike, and what is used of them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from vaultcore.limits.account import Account, roll_forward
from vaultcore.limits.limits import Limits
from vaultcore.web.admin.validation import RequestBody
from vaultcore.web.admin.fields import Money, Rate, Tokens
from vaultcore.web.limit_json import FIELDS, dollars, usage_json


class LimitFields(RequestBody):
    """Limits. Null or left out: there is none."""

    rate_limit_rpm: Rate | None = Field(None, description="requests per minute")
    rate_limit_tpm: Rate | None = Field(None, description="tokens per minute, prompt and completion together")
    max_parallel: Rate | None = Field(None, description="requests in flight")
    token_quota: Tokens | None = Field(None, description="tokens in all")
    credits_usd: Money | None = Field(None, description="prepaid money in all")
    budget_day_usd: Money | None = Field(None, description="money per calendar day (UTC)")
    budget_month_usd: Money | None = Field(None, description="money per calendar month (UTC)")

    def over(self, limits: Limits) -> Limits:
        """These limits with what was sent in its place."""
        sent = {ours: getattr(self, name) for ours, name in FIELDS.items() if name in self.model_fields_set}
        return Limits(**{ours: sent.get(ours, getattr(limits, ours)) for ours in FIELDS})


class LimitValues(BaseModel):
    """Limits as they are in force; null is no limit. Money is in US dollars."""

    rate_limit_rpm: int | None = None
    rate_limit_tpm: int | None = None
    max_parallel: int | None = None
    token_quota: int | None = None
    credits_usd: float | None = None
    budget_day_usd: float | None = None
    budget_month_usd: float | None = None


class AccountUsage(BaseModel):
    """What was settled, since the account began."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: float


class AccountStatus(BaseModel):
    """How an account stands towards its limits. Null where nothing is limited."""

    usage: AccountUsage
    tokens_remaining: int | None = Field(None, description="of token_quota")
    balance_usd: float | None = Field(None, description="of credits_usd")
    spent_today_usd: float | None = Field(None, description="counted where anything is limited")
    spent_this_month_usd: float | None = None
    in_flight: int = Field(description="requests that have been let in and are not over")


def account_status(account: Account, limits: Limits, now: float) -> dict[str, Any]:
    """What an account has used, and what is left."""
    account = roll_forward(account, now)
    return {
        "usage": usage_json(account),
        "tokens_remaining": None if limits.tokens is None else max(0, limits.tokens - account.tokens),
        "balance_usd": None if limits.credits is None else dollars(limits.credits - account.nanos),
        # An account without limits is never asked for room, and does not learn what day it is.
        "spent_today_usd": dollars(account.day_nanos) if limits.has_any else None,
        "spent_this_month_usd": dollars(account.month_nanos) if limits.has_any else None,
        "in_flight": len(account.leases),
    }
