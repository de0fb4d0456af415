"""Compares the cost that a provider reports in its usage with the readings of its counts.

Vercel AI Gateway charges reasoning beside the completion tokens and leaves it out of the total; OpenRouter
reports more reasoning than completion tokens and charges the completion only. Both report `cost`:
https://openrouter.ai/docs/guides/guides/usage-accounting
"""

from __future__ import annotations

from math import isfinite

from vaultcore.catalog.schema import Model
from vaultcore.money import Nanos, from_usd
from vaultcore.usage.cost import cost
from vaultcore.usage.units import parse_count
from vaultcore.wire import Usage

TOLERANCE = 0.01  # of the reported cost: providers round it


def with_charged_reasoning(usage: Usage, model: Model, at: float) -> Usage:
    """Return the usage; with its reasoning added to the completion if only then it costs what is reported.

    `at` is the request's start, seconds since the epoch. Without a reported cost or a price, nothing changes.
    """
    if not usage.get("cost"):
        return usage
    reported, details = _reported_cost(usage), usage.get("completion_tokens_details")
    reasoning = parse_count(details.get("reasoning_tokens")) if isinstance(details, dict) else None
    if not reported or not reasoning:
        return usage
    more: Usage = {**usage, "completion_tokens": usage.get("completion_tokens", 0) + reasoning}
    more["total_tokens"] = usage.get("prompt_tokens", 0) + more["completion_tokens"]
    is_inside, is_beside = (_is_near(cost(each, model, at), reported) for each in (usage, more))
    return more if is_beside and not is_inside else usage


def _reported_cost(usage: Usage) -> Nanos | None:
    amount = usage.get("cost")
    if isinstance(amount, bool) or not isinstance(amount, int | float) or not isfinite(amount):
        return None
    return from_usd(amount)


def _is_near(amount: Nanos | None, reported: Nanos) -> bool:
    return amount is not None and abs(amount - reported) <= TOLERANCE * reported
