"""The units of usage that may have a price. Every token of a response belongs to exactly one of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, isfinite

from vaultcore.catalog.schema import Price
from vaultcore.wire import Usage

CACHE_READ = ("cached_tokens",)  # fields of prompt_tokens_details; the first that exists counts
CACHE_WRITE = ("cache_write_tokens", "cache_creation_tokens")
MODALITIES = ("audio", "image", "video")
FALLBACKS: Mapping[str, tuple[str, ...]] = {  # a unit without a price has the first of these prices
    "cache_read": ("input",),
    "cache_write": ("input",),
    "cache_write_1h": ("cache_write", "input"),
    "reasoning": ("output",),
    "audio_input": ("input",),
    "audio_output": ("output",),
    "audio_cache_read": ("audio_input", "cache_read", "input"),
    "image_input": ("input",),
    "image_output": ("output",),
    "image_cache_read": ("image_input", "cache_read", "input"),
    "video_input": ("input",),
    "video_output": ("output",),
    "video_cache_read": ("video_input", "cache_read", "input"),
}
PROMPT = ("input", *(unit for unit, others in FALLBACKS.items() if "input" in others))
COMPLETION = ("output", *(unit for unit, others in FALLBACKS.items() if "output" in others))


def parse_count(value: object) -> int | None:
    """Return a count as an integer of 0 or more, fractions rounded up; None if it is not a finite number."""
    if type(value) is int:
        return max(0, value)
    return max(ceil(value), 0) if isinstance(value, float) and isfinite(value) else None


def count_units(usage: Usage) -> dict[str, int] | None:
    """Return the tokens of each unit; None if neither prompt nor completion tokens are reported.

    If the provider reports billed tokens separately, those count, without details.
    """
    value = usage.get("billed")
    billed = value if isinstance(value, dict) else None
    counts = usage if billed is None else billed
    prompt, completion = (
        parse_count(counts.get("prompt_tokens")),
        parse_count(counts.get("completion_tokens")),
    )
    if prompt is None and completion is None:
        return None
    if billed is not None:
        return {"input": prompt or 0, "output": completion or 0}
    prompt_details = usage.get("prompt_tokens_details")
    completion_details = usage.get("completion_tokens_details")
    return {
        **(_split_prompt(prompt or 0, prompt_details) if prompt_details else {"input": prompt or 0}),
        **(
            _split_completion(completion or 0, completion_details)
            if completion_details
            else {"output": completion or 0}
        ),
    }


def unit_rate(unit: str, price: Price) -> tuple[str, int]:
    """Return the unit whose price applies to a unit, and its nano-dollars per million tokens."""
    for name in (unit, *FALLBACKS.get(unit, ())):
        amount: int | None = getattr(price, name, None)
        if amount is not None:
            return name, amount
    raise AssertionError("every price has input and output")


def image_rate(usage: Usage, price: Price) -> tuple[int, int] | None:
    """Return the number of generated images and their nano-dollars per million; None if not priced so.

    An image of a size and quality without a price has the highest price of the model's images.
    """
    images = usage.get("pictures")
    count = parse_count(images.get("count")) if isinstance(images, dict) else None
    if not count or not price.pictures or images is None:
        return None
    size, quality = images.get("size"), images.get("quality")
    for kind in (f"{size}/{quality}", size, quality, ""):
        if isinstance(kind, str) and kind in price.pictures:
            return count, price.pictures[kind]
    return count, max(price.pictures.values())


def _split_prompt(prompt: int, details: object) -> dict[str, int]:
    """Split prompt tokens into units. Details may contradict each other; none exceeds the remaining tokens.

    Few providers report which cached tokens were audio, images or video. Unattributed ones count as text
    first, whose cached price is the lowest, then as each modality.
    """
    cache_write = min(_first(details, CACHE_WRITE), prompt)
    hour = min(_first(details, ("cache_write_1h_tokens",)), cache_write)
    text = prompt - cache_write
    modalities: dict[str, int] = {}
    for kind in MODALITIES:
        modalities[kind] = min(_first(details, (f"{kind}_tokens",)), text)
        text -= modalities[kind]
    read = min(_first(details, CACHE_READ), prompt - cache_write)
    by_modality = details.get("cached_tokens_details") if isinstance(details, dict) else None
    cached = {kind: min(_first(by_modality, (f"{kind}_tokens",)), modalities[kind]) for kind in MODALITIES}
    for kind in MODALITIES:
        cached[kind] = min(cached[kind], read)
        read -= cached[kind]
    cached_text = min(read, text)
    read -= cached_text
    for kind in MODALITIES:
        more = min(read, modalities[kind] - cached[kind])
        cached[kind] += more
        read -= more
    return {
        "input": text - cached_text,
        "cache_read": cached_text,
        "cache_write": cache_write - hour,
        "cache_write_1h": hour,
        **{f"{kind}_input": modalities[kind] - cached[kind] for kind in MODALITIES},
        **{f"{kind}_cache_read": cached[kind] for kind in MODALITIES},
    }


def _split_completion(completion: int, details: object) -> dict[str, int]:
    parts: dict[str, int] = {}
    text = completion
    for unit, name in (*((f"{kind}_output", kind) for kind in MODALITIES), ("reasoning", "reasoning")):
        parts[unit] = min(_first(details, (f"{name}_tokens",)), text)
        text -= parts[unit]
    return {"output": text, **parts}


def _first(details: object, keys: tuple[str, ...]) -> int:
    """Return the first of several counts that exists, else 0."""
    if not isinstance(details, dict):
        return 0
    return next((parse_count(details[key]) or 0 for key in keys if details.get(key) is not None), 0)
