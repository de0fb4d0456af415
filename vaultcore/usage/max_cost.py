"""The maximum cost of a request."""

from __future__ import annotations

from collections.abc import Iterator

from vaultcore.catalog.schema import HourlyPrice, Model, Price, ServiceTier
from vaultcore.money import Nanos, micro_nanos, round_up
from vaultcore.usage import units

MAX_IMAGES = 10  # per request


def max_cost(prompt: int, completion: int, model: Model, *, images: int = MAX_IMAGES) -> Nanos | None:
    """Return the most nano-dollars that up to this many tokens and images can cost; None without a price.

    The bound holds for every price that can apply: cached, reasoning and audio tokens, every tier and hour.
    """
    totals = [
        micro_nanos(max(prompt, 0), _highest_rate(price, units.PROMPT))
        + micro_nanos(max(completion, 0), _highest_rate(price, units.COMPLETION))
        + micro_nanos(max(images, 0), max(price.pictures.values(), default=0))
        + (price.request or 0)
        for price in _prices(model, prompt)
    ]
    return round_up(max(totals)) if totals else None


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
