"""An image's size, such as `1024x1024`, in a provider's terms: unchanged, width and height, or a ratio."""

from __future__ import annotations

import re
from math import sqrt

from vaultcore.catalog.schema import MediaOffer, Target
from vaultcore.dialects import Change
from vaultcore.lazy_dataclass import dataclass
from vaultcore.media.field_mapping import unsupported
from vaultcore.media.validation import reject
from vaultcore.wire import Json

DEFAULT_SIDE = 1_024  # pixels; side of a 1:1 image of models that accept only ratios
RATIO_TOLERANCE = 0.02  # relative; 1792x1024 counts as 16:9
MAX_SIDE_FACTOR = 1.5  # an image's side may be this many times longer or shorter than requested

_PIXELS = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Width and height in pixels."""

    width: int
    height: int

    @property
    def side(self) -> float:
        """The side of a square with as many pixels."""
        return sqrt(self.width * self.height)


def parse_size(text: object) -> ImageSize | None:
    """Return the size, or None if the provider has to choose or check it. Raises InvalidRequest."""
    if text is None or text == "auto":
        return None
    match = _PIXELS.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        if isinstance(text, str) and re.fullmatch(r"\d+x\d+", text):
            return None  # the provider rejects it; OpenAI's error lists the supported sizes
        reject("size", "must be auto or like 1024x1024")
    return ImageSize(int(match[1]), int(match[2]))


def map_size(body: Json, target: Target, offer: MediaOffer, changes: list[Change]) -> Json:
    """Return the body with its size in the provider's terms.

    Raises InvalidRequest if the provider does not support the size.
    """
    requested = body.get("size")
    if offer.size == "size" or requested is None:
        return body
    rest = {name: value for name, value in body.items() if name != "size"}
    if requested == "auto":
        return rest
    size = parse_size(requested)
    if size is None:
        raise unsupported(target, "size", f"does not create images of {requested}")
    if offer.size == "pixels":
        return {**rest, **_map_pixels(size, target, offer, changes)}
    return {**rest, **_map_ratio(size, target, offer, changes)}


def _map_pixels(size: ImageSize, target: Target, offer: MediaOffer, changes: list[Change]) -> Json:
    if size.width % offer.step or size.height % offer.step:
        raise unsupported(target, "size", f"creates images whose sides are multiples of {offer.step}")
    changes.append(Change("size", "renamed", "sent as width and height"))
    return {"width": size.width, "height": size.height}


def _map_ratio(size: ImageSize, target: Target, offer: MediaOffer, changes: list[Change]) -> Json:
    ratio = next((ratio for ratio in offer.ratios if _matches_ratio(size, ratio)), None)
    if ratio is None:
        raise unsupported(target, "size", f"creates images of {', '.join(offer.ratios)}")
    scales = offer.scales or {"": DEFAULT_SIDE}
    scale, side = min(scales.items(), key=lambda item: abs(size.side - item[1]))
    if not 1 / MAX_SIDE_FACTOR <= size.side / side <= MAX_SIDE_FACTOR:
        raise unsupported(target, "size", f"creates images of about {side}x{side} pixels")
    is_exact = (size.width, size.height) == (side, side)
    reason = f"{target.provider.title} accepts a ratio and chooses the pixels"
    changes.append(
        Change("size", "renamed" if is_exact else "clamped", reason, f"{size.width}x{size.height}", ratio)
    )
    return {"aspect_ratio": ratio, **({"scale": scale} if scale else {})}


def _matches_ratio(size: ImageSize, ratio: str) -> bool:
    width, height = map(float, ratio.split(":"))
    return abs(size.width / size.height / (width / height) - 1) <= RATIO_TOLERANCE
