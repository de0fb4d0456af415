"""The cost of a response: its usage at the catalog's prices, in nano-dollars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vaultcore.catalog.schema import HourlyPrice, Model, Price, ServiceTier
from vaultcore.money import Nanos, micro_nanos, round_up
from vaultcore.usage import units
from vaultcore.usage.tool_charges import tool_detail
from vaultcore.wire import ChatChunk, ChatCompletion, Usage


def cost(usage: Usage, model: Model, at: float | None = None) -> Nanos | None:
    """Return the cost of a response in nano-dollars, rounded up; None if its price or usage is unknown.

    `at` is the request's start, seconds since the epoch; some prices depend on the hour.
    """
    detail = price_detail(usage, model, at)
    return None if detail is None else cost_of_detail(detail)


def price_detail(usage: Usage, model: Model, at: float | None = None) -> dict[str, list[int]] | None:
    """Return the count of each unit and its price in nano-dollars per million; None as in `cost`.

    Units are tokens, images, the request itself, and uses of the provider's tools.

    It is stored with the record, so that `cost_of_detail` gives the same cost after a price change:

        {"input": [1000, 2500000000], "output": [10, 10000000000], "web_search": [2, 10000000000000]}
    """
    if model.price is None and not (model.services or model.hours):
        return None
    prompt = units.parse_count(usage.get("prompt_tokens")) or 0
    price = price_at(model, prompt, usage.get("service_tier"), at)
    if price is None:
        return None
    detail: dict[str, list[int]] = {}
    counts = units.count_units(usage)
    percent = region_percent(model, usage.get("inference_geo")) if model.regions else 100
    for unit, count in (counts or {}).items():
        if count:
            name, rate = units.unit_rate(unit, price)
            if percent != 100:
                rate = regional_rate(rate, percent)
            detail.setdefault(name, [0, rate])[0] += count
    if "pictures" in usage and (images := units.image_rate(usage, price)) is not None:
        detail["picture"] = [*images]
    elif counts is None:
        return None  # the provider has not reported usage, which is not the same as none
    if price.request is not None:
        detail["request"] = [1, price.request]
    return detail | tool_detail(usage, model) if usage.get("tool_uses") else detail


def region_percent(model: Model, region: object) -> int:
    """Return the percentage of the token prices that applies in a region."""
    return model.regions.get(region, 100) if isinstance(region, str) else 100


def regional_rate(rate: int, percent: int) -> int:
    """Return a token price with a region's surcharge, without fractions of a nano-dollar per million.

    >>> regional_rate(5_000_000_000, 110)
    5500000000
    """
    return rate * percent // 100


def cost_of_detail(detail: Mapping[str, Sequence[int]]) -> Nanos:
    """Return the cost of a `price_detail`, of a response or of a stored record."""
    return round_up(sum([micro_nanos(count, rate) for count, rate in detail.values()]))


def price_at(model: Model, prompt: int, service: object = None, at: float | None = None) -> Price | None:
    """Return the price for a prompt of that many tokens: of the highest size tier it reaches, for all of it.

    A service tier without its own price has the price of the hour, or the model's.
    """
    if not (model.services or model.hours or model.tiers):
        return model.price
    special: list[ServiceTier | HourlyPrice] = [each for each in model.services if each.name == service]
    special += [each for each in model.hours if at is not None and each.applies(at)]
    price, tiers = (special[0].price, special[0].tiers) if special else (model.price, model.tiers)
    reached = [tier for tier in tiers if prompt > tier.above]
    return max(reached, key=lambda tier: tier.above).price if reached else price


def usage_of(response: ChatCompletion | ChatChunk) -> Usage | None:
    """Return a response's usage, with its service tier added."""
    usage, tier = response.get("usage"), response.get("service_tier")
    return {**usage, "service_tier": tier} if usage and isinstance(tier, str) else usage
