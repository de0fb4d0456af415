"""Black Forest Labs: the response has a URL that is polled until the image is ready: https://docs.bfl.ai."""

from __future__ import annotations

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change, ErrorDetail, StreamFault
from vaultcore.media import MediaResponse, MediaResult, PendingMedia, RenderedMedia
from vaultcore.media.images import batches
from vaultcore.media.images.image_data import content_filter_fault, image_from_url
from vaultcore.wire import Json

SUPPORTED = frozenset(
    {
        *("prompt", "n", "size", "response_format", "output_format", "aspect_ratio"),
        *("seed", "steps", "guidance", "safety_tolerance", "prompt_upsampling", "raw"),
    }
)


def render(request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
    changes: list[Change] = []
    fields = batches.map_image_fields(request, target, offer, changes, supported=SUPPORTED)
    return batches.render_batches(request, target, offer, changes, lambda _: fields)


def parse(response: MediaResponse) -> MediaResult | PendingMedia:
    match response.body:
        case {"status": "Ready", "result": {"sample": url}}:
            return MediaResult((image_from_url(url),))
        case {"status": "Request Moderated" | "Content Moderated" as status}:
            raise content_filter_fault(status)
        case {"status": "Error" | "Failed" | "Task not found" as status}:
            raise StreamFault(ErrorDetail(f"the provider did not create the image: {status}"), 500)
        case {"polling_url": str(url)}:
            return PendingMedia(url)
        case {"status": str()}:
            return PendingMedia("")
        case _:
            raise ValueError("a response with neither an image nor a polling_url")
