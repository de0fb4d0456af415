"""Stability's image models on Bedrock, by InvokeModel.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html
"""

from __future__ import annotations

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.media import Order, Part, Told
from vaultcore.media.images import batches
from vaultcore.media.images.content_filter import withheld
from vaultcore.media.images.picture import drawn
from vaultcore.media.lists import a_list
from vaultcore.wire import Json

TAKEN = frozenset(
    {
        *("prompt", "n", "size", "response_format", "output_format", "aspect_ratio"),
        *("seed", "negative_prompt"),
    }
)


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = batches.terms(request, target, offer, changes, taken=TAKEN)
    return batches.order(request, target, offer, changes, lambda _: terms)


def parse(told: Told) -> Part:
    pictures, reasons = told.body.get("images"), told.body.get("finish_reasons")
    filtered = [reason for reason in reasons or () if reason] if isinstance(reasons, list) else []
    if filtered:
        raise withheld(filtered[0])
    return Part(tuple(map(drawn, a_list(pictures, "pictures"))))
