"""Imagen, by predict: https://ai.google.dev/gemini-api/docs/imagen."""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.dialects.json_fields import require_object
from vaultcore.media import MediaResponse, MediaResult, RenderedMedia
from vaultcore.media.images import batches
from vaultcore.media.images.image_data import content_filter_fault, image_from_base64
from vaultcore.wire import Json

SUPPORTED = frozenset({"prompt", "n", "size", "response_format", "aspect_ratio"})


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    fields = batches.map_image_fields(request, target, offer, changes, supported=SUPPORTED)
    size_fields = {"aspectRatio": fields.get("aspect_ratio"), "sampleImageSize": fields.get("scale")}
    parameters = {name: value for name, value in size_fields.items() if value}

    def render_body(count: int) -> Json:
        return {
            "instances": [{"prompt": fields["prompt"]}],
            "parameters": {"sampleCount": count, **parameters},
        }

    return batches.render_batches(request, target, offer, changes, render_body)


def parse(response: MediaResponse) -> MediaResult:
    predictions = response.body.get("predictions") or []
    predictions = predictions if isinstance(predictions, list) else []
    rows = [require_object(prediction, "a prediction") for prediction in predictions]
    images = [row["bytesBase64Encoded"] for row in rows if row.get("bytesBase64Encoded")]
    if not images:
        reasons = (row["raiFilteredReason"] for row in rows if row.get("raiFilteredReason"))
        raise content_filter_fault(next(reasons, None))
    return MediaResult(tuple(map(image_from_base64, images)))
