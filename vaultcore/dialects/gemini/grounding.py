"""What an answer is grounded on, as annotations: https://ai.google.dev/gemini-api/docs/google-search."""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.dialects.json_fields import string
from vaultcore.wire import Json

OFFSETS = ("startIndex", "endIndex")


def citations(metadata: object, text: str, starts: Sequence[int] = ()) -> list[Json]:
    """The web pages an answer cites. Gemini counts a text in bytes, from where its part starts."""
    match metadata:
        case {"groundingChunks": list() as pages, "groundingSupports": list() as supports}:
            return [each for told in supports for each in _cited(told, pages, text, starts)]
        case _:
            return []


def _cited(support: object, pages: list[object], text: str, starts: Sequence[int]) -> list[Json]:
    match support:
        case {"segment": dict() as segment, "groundingChunkIndices": list() as indices}:
            start, end = _span(segment, text, starts)
        case _:
            return []
    found = []
    for index in indices:
        match pages[index] if type(index) is int and 0 <= index < len(pages) else None:
            case {"web": {"uri": str(uri)} as page}:
                cited = {"start_index": start, "end_index": end, "url": uri, "title": string(page, "title")}
                found.append({"type": "url_citation", "url_citation": cited})
    return found


def _span(segment: Json, text: str, starts: Sequence[int]) -> tuple[int, int]:
    part = _number(segment, "partIndex")
    base = starts[part] if part < len(starts) else 0
    raw = text[base:].encode(errors="replace")
    found = [base + len(raw[: _number(segment, name)].decode(errors="ignore")) for name in OFFSETS]
    return found[0], found[1]


def _number(told: Json, name: str) -> int:
    value = told.get(name)
    return value if type(value) is int and value > 0 else 0
