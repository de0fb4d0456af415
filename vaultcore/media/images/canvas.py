"""Amazon Nova Canvas and Titan Image, by InvokeModel: https://docs.aws.amazon.com/nova/latest/userguide/image-gen-access.html."""

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
        *("prompt", "n", "size", "response_format", "quality"),
        *("seed", "negative_prompt"),
    }
)
CONFIG = ("width", "height", "quality", "seed")


def render(request: Json, target: Target, offer: Offer) -> Order:
    changes: list[Change] = []
    terms = batches.terms(request, target, offer, changes, taken=TAKEN)
    said = {"text": terms["prompt"]}
    if "negative_prompt" in terms:
        said["negativeText"] = terms["negative_prompt"]
    config = {name: terms[name] for name in CONFIG if name in terms}

    def body(count: int) -> Json:
        return {
            "taskType": "TEXT_IMAGE",
            "textToImageParams": said,
            "imageGenerationConfig": {"numberOfImages": count, **config},
        }

    return batches.order(request, target, offer, changes, body)


def parse(told: Told) -> Part:
    pictures, error = told.body.get("images"), told.body.get("error")
    if not isinstance(pictures, list) or not pictures:
        raise withheld(error)
    return Part(tuple(map(drawn, pictures)))
