"""Flux at Fireworks, as JSON: https://docs.fireworks.ai/api-reference/generate-a-new-image-from-a-text-prompt."""

from __future__ import annotations

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.media import Order, Part, Told
from vaultcore.media.images import batches
from vaultcore.media.images.content_filter import withheld
from vaultcore.media.images.picture import drawn
from vaultcore.wire import Json

TAKEN = frozenset(
    {
        *("prompt", "n", "size", "response_format", "aspect_ratio"),
        *("seed", "guidance_scale", "num_inference_steps"),
    }
)


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = batches.terms(request, target, offer, changes, taken=TAKEN)
    return batches.order(request, target, offer, changes, lambda _: terms)


def parse(told: Told) -> Part:
    found = told.body.get("base64")
    if told.body.get("finishReason") == "CONTENT_FILTERED":
        raise withheld("CONTENT_FILTERED")
    pictures = found if isinstance(found, list) else [found]
    return Part(tuple(map(drawn, pictures)))
