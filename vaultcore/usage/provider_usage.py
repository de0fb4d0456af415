"""Usage of one call to a provider, and the sum of several.

One client request can need several calls that the provider bills: for a summary before the answer, or for a
response that the gateway rejects before another target answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import reduce
from typing import Any

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.lazy_dataclass import dataclass
from vaultcore.money import MILLION, Nanos
from vaultcore.wire import Json, Usage

EARLIER_CALLS = "earlier_calls"  # unit of a price detail: the cost of all calls before the last one


@dataclass(frozen=True, slots=True)
class ProviderUsage:
    """The usage of one call to a provider, and its cost."""

    target: Target | None  # None: unknown
    usage: Usage
    cost: Nanos | None  # None: the model has no price
    price: Mapping[str, Any] = field(default_factory=dict)  # see usage.cost.price_detail


def total_usage(calls: Sequence[ProviderUsage]) -> Usage:
    """Return the sum of the calls' tokens, {} without calls."""
    if len(calls) == 1:
        return calls[0].usage
    return reduce(_add, (each.usage for each in calls), cast(Usage, {}))


def total_cost(calls: Sequence[ProviderUsage]) -> Nanos | None:
    """Return the sum of the calls' costs; None if one of them has no price."""
    if len(calls) == 1:
        return calls[0].cost
    costs = [each.cost for each in calls]
    return None if None in costs else Nanos(sum(cost for cost in costs if cost is not None))


def total_price(earlier: Sequence[ProviderUsage], last: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the price detail of all calls; `last` is that of the last one.

    The earlier calls are one unit, since other models and price tiers may apply to them.
    """
    cost = total_cost(earlier)
    return {**last, EARLIER_CALLS: [1, cost * MILLION]} if cost else last


def _add(one: Mapping[str, Any], other: Mapping[str, Any]) -> Usage:
    """Return the sum of two usages, details included."""
    total: Json = {**one, **other}
    for name in one.keys() & other.keys():
        first, second = one[name], other[name]
        if isinstance(first, dict) and isinstance(second, dict):
            total[name] = _add(first, second)
        elif isinstance(first, int | float) and isinstance(second, int | float):
            total[name] = first + second
    return cast(Usage, total)
