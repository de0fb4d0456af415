"""Stability's image models on Bedrock, by InvokeModel.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html
"""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.media import MediaResponse, MediaResult, RenderedMedia
from vaultcore.media.images import batches
from vaultcore.media.images.image_data import content_filter_fault, image_from_base64
from vaultcore.media.response_fields import non_empty_list
from vaultcore.wire import Json

SUPPORTED = frozenset(
    {
        *("prompt", "n", "size", "response_format", "output_format", "aspect_ratio"),
        *("seed", "negative_prompt"),
    }
)


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    fields = batches.map_image_fields(request, target, offer, changes, supported=SUPPORTED)
    return batches.render_batches(request, target, offer, changes, lambda _: fields)


def parse(response: MediaResponse) -> MediaResult:
    images, reasons = response.body.get("images"), response.body.get("finish_reasons")
    filtered = [reason for reason in reasons or () if reason] if isinstance(reasons, list) else []
    if filtered:
        raise content_filter_fault(filtered[0])
    return MediaResult(tuple(map(image_from_base64, non_empty_list(images, "images"))))
