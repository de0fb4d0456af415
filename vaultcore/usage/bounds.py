"""The most that a request can cost."""

from __future__ import annotations

from vaultcore.catalog.schema import Model, Price
from vaultcore.money import Nanos, settled, times


def most(prompt: int, completion: int, model: Model) -> Nanos | None:
    """Nano-dollars of that many tokens in the dearest tier, cached or not; None where no price is known."""
    prices = [price for price in (model.price, *(tier.price for tier in model.tiers)) if price is not None]
    if model.price is None:
        return None
    return max(settled(times(prompt, _dearest(price)) + times(completion, price.output)) for price in prices)


def _dearest(price: Price) -> int:
    return max(price.input, price.cache_read or 0, price.cache_write or 0)
