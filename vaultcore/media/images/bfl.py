"""Black Forest Labs: a picture is ordered, then asked for until it is ready: https://docs.bfl.ai."""

from __future__ import annotations

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change, ErrorDetail, StreamFault
from vaultcore.media import Later, Order, Part, Told
from vaultcore.media.images import batches
from vaultcore.media.images.content_filter import withheld
from vaultcore.media.images.picture import linked
from vaultcore.wire import Json

TAKEN = frozenset(
    {
        *("prompt", "n", "size", "response_format", "output_format", "aspect_ratio"),
        *("seed", "steps", "guidance", "safety_tolerance", "prompt_upsampling", "raw"),
    }
)


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = batches.terms(request, target, offer, changes, taken=TAKEN)
    return batches.order(request, target, offer, changes, lambda _: terms)


def parse(told: Told) -> Part | Later:
    match told.body:
        case {"status": "Ready", "result": {"sample": url}}:
            return Part((linked(url),))
        case {"status": "Request Moderated" | "Content Moderated" as status}:
            raise withheld(status)
        case {"status": "Error" | "Failed" | "Task not found" as status}:
            raise StreamFault(ErrorDetail(f"the picture was not made: {status}"), 500)
        case {"polling_url": str(url)}:
            return Later(url)
        case {"status": str()}:
            return Later("")
        case _:
            raise ValueError("an answer that is neither a picture nor a promise of one")
