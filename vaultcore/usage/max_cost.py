"""The maximum cost of a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from vaultcore.catalog.schema import HourlyPrice, Model, Price, ServiceTier
from vaultcore.money import Nanos, micro_nanos, round_up
from vaultcore.usage import units
from vaultcore.usage.tool_charges import max_tool_cost

MAX_IMAGES = 10  # per request


def max_cost(
    prompt: int,
    completion: int,
    model: Model,
    *,
    images: int = MAX_IMAGES,
    tools: Mapping[str, object] | None = None,
) -> Nanos | None:
    """Return the most nano-dollars that up to this many tokens and images can cost; None without a price.

    The bound holds for every price that can apply: cached, reasoning and audio tokens, every tier, hour and
    region. `tools` is the client's body: the provider's tools that it turns on are added.
    """
    region = max((100, *model.regions.values()))  # per cent
    totals = [
        -(-region * _tokens_cost(prompt, completion, price) // 100)
        + micro_nanos(max(images, 0), max(price.pictures.values(), default=0))
        + (price.request or 0)
        for price in _prices(model, prompt)
    ]
    if not totals:
        return None
    return Nanos(round_up(max(totals)) + (max_tool_cost(tools, model) if tools is not None else 0))


def _tokens_cost(prompt: int, completion: int, price: Price) -> int:
    """Return the most that tokens can cost, in millionths of a nano-dollar."""
    return micro_nanos(max(prompt, 0), _highest_rate(price, units.PROMPT)) + micro_nanos(
        max(completion, 0), _highest_rate(price, units.COMPLETION)
    )


def _prices(model: Model, prompt: int) -> Iterator[Price]:
    """Yield every price that can apply to a prompt of up to this many tokens."""
    if model.price is None:
        return
    yield model.price
    special: tuple[ServiceTier | HourlyPrice, ...] = (*model.services, *model.hours)
    yield from (each.price for each in special)
    tiers = (*model.tiers, *(tier for each in special for tier in each.tiers))
    yield from (tier.price for tier in tiers if tier.above < prompt)


def _highest_rate(price: Price, names: tuple[str, ...]) -> int:
    return max(getattr(price, name, None) or 0 for name in names)
