"""Flux at Fireworks, as JSON: https://docs.fireworks.ai/api-reference/generate-a-new-image-from-a-text-prompt."""

from __future__ import annotations

from vaultcore.artifacts import Order, Part, Told
from vaultcore.artifacts.images import sheets
from vaultcore.artifacts.images.picture import drawn
from vaultcore.artifacts.images.withheld import withheld
from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.wire import Json

TAKEN = frozenset(
    {
        *("prompt", "n", "size", "response_format", "aspect_ratio"),
        *("seed", "guidance_scale", "num_inference_steps"),
    }
)


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = sheets.terms(request, target, offer, changes, taken=TAKEN)
    return sheets.order(request, target, offer, changes, lambda _: terms)


def parse(told: Told) -> Part:
    found = told.body.get("base64")
    if told.body.get("finishReason") == "CONTENT_FILTERED":
        raise withheld("CONTENT_FILTERED")
    pictures = found if isinstance(found, list) else [found]
    return Part(tuple(map(drawn, pictures)))
