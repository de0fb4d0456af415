"""The pictures of a request, cut into as many posts as a provider needs for them."""

from __future__ import annotations

from collections.abc import Callable

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.media import Order, Post
from vaultcore.media.field_mapping import settle, unsupported
from vaultcore.media.images import size
from vaultcore.media.offers import in_path, path
from vaultcore.wire import Json

FORMS = {"url": "gives pictures, not their addresses", "b64_json": "gives addresses, not pictures"}


def terms(
    request: Json, target: Target, offer: Offer, changes: list[Change], *, taken: frozenset[str] | None = None
) -> Json:
    """The request's fields as the provider wants them, its size and form settled, without `n`."""
    asked = _formed(request, target, offer, changes)
    given = settle(asked, target, offer, changes, taken=taken)
    settled = size.settle(given, target, offer, changes)
    return {name: value for name, value in settled.items() if name != "n"}


def order(
    request: Json, target: Target, offer: Offer, changes: list[Change], body: Callable[[int], Json]
) -> Order:
    """Posts that make a batch of pictures each; `body` makes one for so many."""
    wanted, place = request.get("n") or 1, path(target, offer)
    named = {} if in_path(offer) else {"model": target.model.name}
    sheets = [min(offer.batch, wanted - made) for made in range(0, wanted, offer.batch)]
    posts = tuple(Post(place, {**named, **body(sheet)}, sheet) for sheet in sheets)
    if len(posts) > 1:
        reason = f"{target.provider.title} makes {offer.batch} at once: asked {len(posts)} times"
        changes.append(Change("n", "emulated", reason))
    return Order(posts, tuple(changes))


def _formed(request: Json, target: Target, offer: Offer, changes: list[Change]) -> Json:
    """The request without a form that the provider gives anyway; one it does not give is refused."""
    wanted = request.get("response_format")
    if offer.gives is None or wanted is None:
        return request
    if wanted != offer.gives:
        raise unsupported(target, "response_format", FORMS[wanted])
    changes.append(Change("response_format", "emulated", f"{target.provider.title} gives nothing else"))
    return {name: value for name, value in request.items() if name != "response_format"}
