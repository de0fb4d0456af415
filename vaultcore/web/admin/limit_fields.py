"""Limits in the JSON of the admin API, for keys, owners and the gateway, and the usage of their accounts."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from vaultcore.limits.account import Account, roll_forward
from vaultcore.limits.limits import Limits
from vaultcore.web.admin.fields import Money, Rate, Tokens
from vaultcore.web.admin.validation import RequestBody
from vaultcore.web.limit_json import FIELDS, dollars, usage_json


class LimitFields(RequestBody):
    """Limits. Null or absent means no limit."""

    rate_limit_rpm: Rate | None = Field(None, description="requests per minute")
    rate_limit_tpm: Rate | None = Field(None, description="prompt and completion tokens per minute")
    max_parallel: Rate | None = Field(None, description="concurrent requests")
    token_quota: Tokens | None = Field(None, description="lifetime total of tokens")
    credits_usd: Money | None = Field(None, description="lifetime total of prepaid money")
    budget_day_usd: Money | None = Field(None, description="budget per calendar day (UTC)")
    budget_month_usd: Money | None = Field(None, description="budget per calendar month (UTC)")

    def apply_to_limits(self, limits: Limits) -> Limits:
        """Return the limits with the fields that the request contains; null removes a limit."""
        new = {field: getattr(self, name) for field, name in FIELDS.items() if name in self.model_fields_set}
        return Limits(**{field: new.get(field, getattr(limits, field)) for field in FIELDS})


class LimitValues(BaseModel):
    """The current limits; null means no limit. Money is in US dollars."""

    rate_limit_rpm: int | None = None
    rate_limit_tpm: int | None = None
    max_parallel: int | None = None
    token_quota: int | None = None
    credits_usd: float | None = None
    budget_day_usd: float | None = None
    budget_month_usd: float | None = None


class AccountUsage(BaseModel):
    """The usage of finished requests since the account was created."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: float


class AccountStatus(BaseModel):
    """An account's usage and the remaining amounts of its limits. Null means no limit."""

    usage: AccountUsage
    tokens_remaining: int | None = Field(None, description="remaining part of token_quota")
    balance_usd: float | None = Field(None, description="remaining part of credits_usd")
    spent_today_usd: float | None = Field(None, description="null if the account has no limits")
    spent_this_month_usd: float | None = Field(None, description="null if the account has no limits")
    in_flight: int = Field(description="requests in progress")


def account_status(account: Account, limits: Limits, now: float) -> dict[str, Any]:
    """Return the JSON of AccountStatus. `now` is in seconds since 1970; it selects the day and the month."""
    account = roll_forward(account, now)
    return {
        "usage": usage_json(account),
        "tokens_remaining": None if limits.tokens is None else max(0, limits.tokens - account.tokens),
        "balance_usd": None if limits.credits is None else dollars(limits.credits - account.nanos),
        # An account without limits makes no reservations, and only these record the day of its spending.
        "spent_today_usd": dollars(account.day_nanos) if limits.has_any else None,
        "spent_this_month_usd": dollars(account.month_nanos) if limits.has_any else None,
        "in_flight": account.in_flight,
    }
