"""The inputs of a request, cut into the batches that a provider takes at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.media import Order, Post
from vaultcore.media.field_mapping import unsupported
from vaultcore.media.offers import in_path, path
from vaultcore.wire import Json

Input = str | list[int]


def order(
    request: Json, target: Target, offer: Offer, changes: list[Change], body: Callable[[list[Input]], Json]
) -> Order:
    """Posts of at most a batch each, in order; `body` makes one of some inputs."""
    asked = _inputs(request["input"])
    if not offer.tokens and not isinstance(asked[0], str):
        raise unsupported(target, "input", "embeds texts, not tokens")
    place, named = path(target, offer), {} if in_path(offer) else {"model": target.model.name}
    batches = [asked[at : at + offer.batch] for at in range(0, len(asked), offer.batch)]
    posts = tuple(Post(place, {**named, **body(batch)}, len(batch)) for batch in batches)
    if len(posts) > 1:
        reason = f"{target.provider.title} takes {offer.batch} at once: asked {len(posts)} times"
        changes.append(Change("input", "emulated", reason))
    return Order(posts, tuple(changes))


def _inputs(value: object) -> list[Input]:
    match value:
        case [int(), *_] | str():
            return [cast(Input, value)]
        case _:
            return cast("list[Input]", value)
