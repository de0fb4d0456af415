"""Imagen, by predict: https://ai.google.dev/gemini-api/docs/imagen."""

from __future__ import annotations

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.dialects.json_fields import an_object
from vaultcore.media import Order, Part, Told
from vaultcore.media.images import batches
from vaultcore.media.images.content_filter import withheld
from vaultcore.media.images.picture import drawn
from vaultcore.wire import Json

TAKEN = frozenset({"prompt", "n", "size", "response_format", "aspect_ratio"})


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = batches.terms(request, target, offer, changes, taken=TAKEN)
    shape = {"aspectRatio": terms.get("aspect_ratio"), "sampleImageSize": terms.get("scale")}
    parameters = {name: value for name, value in shape.items() if value}

    def body(count: int) -> Json:
        return {
            "instances": [{"prompt": terms["prompt"]}],
            "parameters": {"sampleCount": count, **parameters},
        }

    return batches.order(request, target, offer, changes, body)


def parse(told: Told) -> Part:
    predictions = told.body.get("predictions") or []
    rows = [an_object(row, "a prediction") for row in predictions] if isinstance(predictions, list) else []
    made = [row for row in rows if row.get("bytesBase64Encoded")]
    if not made:
        raise withheld(next((row["raiFilteredReason"] for row in rows if row.get("raiFilteredReason")), None))
    return Part(tuple(drawn(row["bytesBase64Encoded"]) for row in made))
