"""Amazon Nova Canvas and Titan Image, by InvokeModel.

https://docs.aws.amazon.com/nova/latest/userguide/image-gen-access.html
"""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.media import MediaResponse, MediaResult, RenderedMedia
from vaultcore.media.images import batches
from vaultcore.media.images.image_data import content_filter_fault, image_from_base64
from vaultcore.wire import Json

SUPPORTED = frozenset(
    {
        *("prompt", "n", "size", "response_format", "quality"),
        *("seed", "negative_prompt"),
    }
)
CONFIG = ("width", "height", "quality", "seed")


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    fields = batches.map_image_fields(request, target, offer, changes, supported=SUPPORTED)
    texts = {"text": fields["prompt"]}
    if "negative_prompt" in fields:
        texts["negativeText"] = fields["negative_prompt"]
    config = {name: fields[name] for name in CONFIG if name in fields}

    def render_body(count: int) -> Json:
        return {
            "taskType": "TEXT_IMAGE",
            "textToImageParams": texts,
            "imageGenerationConfig": {"numberOfImages": count, **config},
        }

    return batches.render_batches(request, target, offer, changes, render_body)


def parse(response: MediaResponse) -> MediaResult:
    images, error = response.body.get("images"), response.body.get("error")
    if not isinstance(images, list) or not images:
        raise content_filter_fault(error)
    return MediaResult(tuple(map(image_from_base64, images)))
