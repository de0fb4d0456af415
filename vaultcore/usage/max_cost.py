"""The most that a request can cost."""

from __future__ import annotations

from collections.abc import Iterator

from vaultcore.catalog.schema import Hours, Model, Price, Service
from vaultcore.money import Nanos, settled, times
from vaultcore.usage import units

PICTURES = 10  # of one request, at most


def most(prompt: int, completion: int, model: Model, *, pictures: int = PICTURES) -> Nanos | None:
    """Nano-dollars that usage of up to these tokens and pictures can cost; None where no price is known.

    However much of it comes from a cache or goes into one, is thought or spoken, in whatever tier and hour.
    """
    sums = [
        times(max(prompt, 0), _dearest(price, units.PROMPT))
        + times(max(completion, 0), _dearest(price, units.COMPLETION))
        + times(max(pictures, 0), max(price.pictures.values(), default=0))
        + (price.request or 0)
        for price in _prices(model, prompt)
    ]
    return settled(max(sums)) if sums else None


def _prices(model: Model, prompt: int) -> Iterator[Price]:
    """Every price that can be in force for a prompt of no more than that."""
    if model.price is None:
        return
    yield model.price
    others: tuple[Service | Hours, ...] = (*model.services, *model.hours)
    yield from (each.price for each in others)
    tiers = (*model.tiers, *(tier for each in others for tier in each.tiers))
    yield from (tier.price for tier in tiers if tier.above < prompt)


def _dearest(price: Price, names: tuple[str, ...]) -> int:
    return max(getattr(price, name, None) or 0 for name in names)
