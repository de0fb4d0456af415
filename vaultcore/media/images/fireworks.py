"""Flux at Fireworks: https://docs.fireworks.ai/api-reference/generate-a-new-image-from-a-text-prompt."""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.media import MediaResponse, MediaResult, RenderedMedia
from vaultcore.media.images import batches
from vaultcore.media.images.image_data import content_filter_fault, image_from_base64
from vaultcore.wire import Json

SUPPORTED = frozenset(
    {
        *("prompt", "n", "size", "response_format", "aspect_ratio"),
        *("seed", "guidance_scale", "num_inference_steps"),
    }
)


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    fields = batches.map_image_fields(request, target, offer, changes, supported=SUPPORTED)
    return batches.render_batches(request, target, offer, changes, lambda _: fields)


def parse(response: MediaResponse) -> MediaResult:
    data = response.body.get("base64")
    if response.body.get("finishReason") == "CONTENT_FILTERED":
        raise content_filter_fault("CONTENT_FILTERED")
    images = data if isinstance(data, list) else [data]
    return MediaResult(tuple(map(image_from_base64, images)))
