"""Splits the inputs of an embeddings request into batches of the size that a provider accepts."""

from __future__ import annotations

from collections.abc import Callable

from vaultcore.casts import cast
from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.media import MediaRequest, RenderedMedia
from vaultcore.media.field_mapping import unsupported
from vaultcore.media.offers import model_field, request_path
from vaultcore.wire import Json

Input = str | list[int]


def render_batches(
    request: Json,
    target: Target,
    offer: MediaOffer,
    changes: list[Change],
    render_body: Callable[[list[Input]], Json],
) -> RenderedMedia:
    """Return one request per batch, in order; `render_body` returns the body for a batch.

    Raises InvalidRequest if the input is tokens and the provider accepts only texts.
    """
    inputs = _split_inputs(request["input"])
    if not offer.tokens and not isinstance(inputs[0], str):
        raise unsupported(target, "input", "embeds texts, not tokens")
    path, model = request_path(target, offer), model_field(target, offer)
    batches = [inputs[at : at + offer.batch] for at in range(0, len(inputs), offer.batch)]
    requests = tuple(MediaRequest(path, {**model, **render_body(batch)}, len(batch)) for batch in batches)
    if len(requests) > 1:
        reason = f"{target.provider.title} accepts {offer.batch} per request: sent {len(requests)} requests"
        changes.append(Change("input", "emulated", reason))
    return RenderedMedia(requests, tuple(changes))


def _split_inputs(value: object) -> list[Input]:
    match value:
        case [int(), *_] | str():
            return [cast(Input, value)]
        case _:
            return cast("list[Input]", value)
