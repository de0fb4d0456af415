"""A picture's size, `1024x1024`, in the terms of a provider: as it is, width and height, or a ratio."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import sqrt

from vaultcore.catalog.schema import Offer, Target
from vaultcore.dialects import Change
from vaultcore.media.field_mapping import unsupported
from vaultcore.media.validation import refuse
from vaultcore.wire import Json

USUAL = 1_024  # pixels of a side: what models that know ratios only make of 1:1
NEAR = 0.02  # 1792x1024 is meant as 16:9
ROOM = 1.5  # how much larger or smaller than asked a picture may come

_PIXELS = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels."""

    width: int
    height: int

    @property
    def side(self) -> float:
        """Of a square with as many pixels."""
        return sqrt(self.width * self.height)


def parse(text: object) -> Size | None:
    """None where the provider is to choose; InvalidRequest where it is no size."""
    if text is None or text == "auto":
        return None
    found = _PIXELS.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        if isinstance(text, str) and re.fullmatch(r"\d+x\d+", text):
            return None  # the provider's to judge: OpenAI says which sizes there are
        refuse("size", "must be auto or like 1024x1024")
    return Size(int(found[1]), int(found[2]))


def settle(body: Json, target: Target, offer: Offer, changes: list[Change]) -> Json:
    """The body with its size in the provider's terms. Raises InvalidRequest where it has none for it."""
    asked = body.get("size")
    if offer.size == "size" or asked is None:
        return body
    rest = {name: value for name, value in body.items() if name != "size"}
    if asked == "auto":
        return rest
    pixels = parse(asked)
    if pixels is None:
        raise unsupported(target, "size", f"makes no pictures of {asked}")
    if offer.size == "pixels":
        return {**rest, **_pixels(pixels, target, offer, changes)}
    return {**rest, **_ratio(pixels, target, offer, changes)}


def _pixels(size: Size, target: Target, offer: Offer, changes: list[Change]) -> Json:
    if size.width % offer.step or size.height % offer.step:
        raise unsupported(target, "size", f"makes pictures whose sides are multiples of {offer.step}")
    changes.append(Change("size", "renamed", "called width and height there"))
    return {"width": size.width, "height": size.height}


def _ratio(size: Size, target: Target, offer: Offer, changes: list[Change]) -> Json:
    found = next((ratio for ratio in offer.ratios if _near(size, ratio)), None)
    if found is None:
        raise unsupported(target, "size", f"makes pictures of {', '.join(offer.ratios)}")
    scales = offer.scales or {"": USUAL}
    scale, side = min(scales.items(), key=lambda item: abs(size.side - item[1]))
    if not 1 / ROOM <= size.side / side <= ROOM:
        raise unsupported(target, "size", f"makes pictures of about {side}x{side} pixels")
    exact = (size.width, size.height) == (side, side)
    reason = f"{target.provider.title} takes a ratio, and chooses the pixels"
    changes.append(
        Change("size", "renamed" if exact else "clamped", reason, f"{size.width}x{size.height}", found)
    )
    return {"aspect_ratio": found, **({"scale": scale} if scale else {})}


def _near(size: Size, ratio: str) -> bool:
    width, height = map(float, ratio.split(":"))
    return abs(size.width / size.height / (width / height) - 1) <= NEAR
