"""Splits an images request into provider requests of as many images as the provider creates at once."""

from __future__ import annotations

from collections.abc import Callable

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.media import MediaRequest, RenderedMedia
from vaultcore.media.field_mapping import map_fields, unsupported
from vaultcore.media.images import size
from vaultcore.media.offers import model_field, request_path
from vaultcore.wire import Json

# By the response_format of the request.
UNSUPPORTED_FORMATS = {"url": "returns image data, not URLs", "b64_json": "returns URLs, not image data"}


def map_image_fields(
    request: Json,
    target: Target,
    offer: MediaOffer,
    changes: list[Change],
    *,
    supported: frozenset[str] | None = None,
) -> Json:
    """Return the provider's fields for a request, with its size and response format, without `n`.

    Raises InvalidRequest for a field, size or format that the provider does not support.
    """
    formatted = _map_response_format(request, target, offer, changes)
    fields = map_fields(formatted, target, offer, changes, supported=supported)
    sized = size.map_size(fields, target, offer, changes)
    return {name: value for name, value in sized.items() if name != "n"}


def render_batches(
    request: Json,
    target: Target,
    offer: MediaOffer,
    changes: list[Change],
    render_body: Callable[[int], Json],
) -> RenderedMedia:
    """Return one request per batch of images; `render_body` returns the body for a number of images."""
    total, path = request.get("n") or 1, request_path(target, offer)
    model = model_field(target, offer)
    counts = [min(offer.batch, total - start) for start in range(0, total, offer.batch)]
    requests = tuple(MediaRequest(path, {**model, **render_body(count)}, count) for count in counts)
    if len(requests) > 1:
        reason = f"{target.provider.title} creates {offer.batch} per request: sent {len(requests)} requests"
        changes.append(Change("n", "emulated", reason))
    return RenderedMedia(requests, tuple(changes))


def _map_response_format(request: Json, target: Target, offer: MediaOffer, changes: list[Change]) -> Json:
    """Return the request without `response_format` if the provider has only that format.

    Raises InvalidRequest if the provider has only the other one.
    """
    requested = request.get("response_format")
    if offer.gives is None or requested is None:
        return request
    if requested != offer.gives:
        raise unsupported(target, "response_format", UNSUPPORTED_FORMATS[requested])
    reason = f"{target.provider.title} has no other format"
    changes.append(Change("response_format", "emulated", reason))
    return {name: value for name, value in request.items() if name != "response_format"}
