"""What usage consists of, in units that may each have a price: every token in exactly one of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, isfinite

from vaultcore.catalog.schema import Price
from vaultcore.wire import Usage

READ = ("cached_tokens",)  # in prompt_tokens_details, the first that is there
WRITTEN = ("cache_write_tokens", "cache_creation_tokens")
MODALITIES = ("audio", "image", "video")
INSTEAD: Mapping[str, tuple[str, ...]] = {  # a unit without a price is counted as the first of these with one
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
PROMPT = ("input", *(unit for unit, others in INSTEAD.items() if "input" in others))
COMPLETION = ("output", *(unit for unit, others in INSTEAD.items() if "output" in others))


def number(value: object) -> int | None:
    """A count from zero up, a fraction rounded up; None for what is no count at all."""
    match value:
        case bool():
            return None
        case int():
            return max(value, 0)
        case float() if isfinite(value):
            return max(ceil(value), 0)
        case _:
            return None


def tokens(usage: Usage) -> dict[str, int] | None:
    """The tokens of each unit; None where neither the prompt's nor the completion's are told."""
    held = usage.get("billed")
    billed = held if isinstance(held, Mapping) else None
    told = usage if billed is None else billed
    prompt, completion = number(told.get("prompt_tokens")), number(told.get("completion_tokens"))
    if prompt is None and completion is None:
        return None
    if billed is not None:
        return {"input": prompt or 0, "output": completion or 0}
    went_in, came_out = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    return {**_prompt(prompt or 0, went_in), **_completion(completion or 0, came_out)}


def rate(unit: str, price: Price) -> tuple[str, int]:
    """The unit that one is counted as at a price, and the nano-dollars per million of it."""
    for name in (unit, *INSTEAD.get(unit, ())):
        amount: int | None = getattr(price, name, None)
        if amount is not None:
            return name, amount
    raise AssertionError("input and output have a price")


def pictures(usage: Usage, price: Price) -> tuple[int, int] | None:
    """How many, and the nano-dollars per million of their kind, or of the dearest; None: not priced so."""
    told = usage.get("pictures")
    count = number(told.get("count")) if isinstance(told, Mapping) else None
    if not count or not price.pictures or told is None:
        return None
    size, quality = told.get("size"), told.get("quality")
    for kind in (f"{size}/{quality}", size, quality, ""):
        if isinstance(kind, str) and kind in price.pictures:
            return count, price.pictures[kind]
    return count, max(price.pictures.values())


def _prompt(prompt: int, details: object) -> dict[str, int]:
    """Parts in the order in which they are believed: no more of each than is left.

    Few say which tokens from a cache were sound or pictures: text is taken first, the cheapest to read.
    """
    written = min(_first(details, WRITTEN), prompt)
    hour = min(_first(details, ("cache_write_1h_tokens",)), written)
    left = prompt - written
    sent: dict[str, int] = {}
    for kind in MODALITIES:
        sent[kind] = min(_first(details, (f"{kind}_tokens",)), left)
        left -= sent[kind]
    read = min(_first(details, READ), prompt - written)
    within = details.get("cached_tokens_details") if isinstance(details, Mapping) else None
    known = {kind: min(_first(within, (f"{kind}_tokens",)), sent[kind]) for kind in MODALITIES}
    for kind in MODALITIES:
        known[kind] = min(known[kind], read)
        read -= known[kind]
    plain = min(read, left)
    read -= plain
    for kind in MODALITIES:
        more = min(read, sent[kind] - known[kind])
        known[kind] += more
        read -= more
    return {
        "input": left - plain,
        "cache_read": plain,
        "cache_write": written - hour,
        "cache_write_1h": hour,
        **{f"{kind}_input": sent[kind] - known[kind] for kind in MODALITIES},
        **{f"{kind}_cache_read": known[kind] for kind in MODALITIES},
    }


def _completion(completion: int, details: object) -> dict[str, int]:
    parts: dict[str, int] = {}
    left = completion
    for unit, name in (*((f"{kind}_output", kind) for kind in MODALITIES), ("reasoning", "reasoning")):
        parts[unit] = min(_first(details, (f"{name}_tokens",)), left)
        left -= parts[unit]
    return {"output": left, **parts}


def _first(details: object, keys: tuple[str, ...]) -> int:
    if not isinstance(details, Mapping):
        return 0
    return next((number(details[key]) or 0 for key in keys if details.get(key) is not None), 0)
