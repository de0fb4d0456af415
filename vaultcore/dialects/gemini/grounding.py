"""Grounding metadata as annotations: https://ai.google.dev/gemini-api/docs/google-search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects.json_fields import string_field
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import (
        GeminiGroundingChunk,
        GeminiGroundingMetadata,
        GeminiGroundingSupport,
        GeminiSegment,
    )


def parse_grounding(
    metadata: GeminiGroundingMetadata | None, text: str, starts: Sequence[int] = ()
) -> list[Json]:
    """Return the web pages that the text cites.

    `starts` are the offsets of the response's parts in `text`: Gemini counts UTF-8 bytes from the start of a
    part.
    """
    match metadata:
        case {"groundingChunks": list() as pages, "groundingSupports": list() as supports}:
            return [
                annotation
                for support in cast("list[GeminiGroundingSupport]", supports)
                if isinstance(support, dict)
                for annotation in _parse_support(support, pages, text, starts)
            ]
        case _:
            return []


def count_searches(groundings: Sequence[object]) -> dict[str, int]:
    """Return the uses of Google's searches, by unit of usage/tool_charges.py.

    Some models are charged for each search, others once for a prompt with any. A stream may repeat its
    metadata or continue it.
    """
    queries: set[str] = set()
    most, from_web, from_maps = 0, False, False
    for metadata in groundings:
        if not isinstance(metadata, dict):
            continue
        fields = [metadata.get("webSearchQueries"), metadata.get("imageSearchQueries")]
        names = [name for field in fields if isinstance(field, list) for name in field if name]
        queries |= {str(name) for name in names}
        most = max(most, len(names))
        pages = metadata.get("groundingChunks")
        sources = [page for page in pages if isinstance(page, dict)] if isinstance(pages, list) else []
        from_web |= bool(names) or any("web" in page for page in sources)
        from_maps |= "googleMapsWidgetContextToken" in metadata or any("maps" in page for page in sources)
    uses = {
        "web_search": max(most, len(queries)),
        "grounded_prompt": int(from_web),
        "maps_grounding": int(from_maps),
    }
    return {unit: count for unit, count in uses.items() if count}


def _parse_support(
    support: GeminiGroundingSupport, pages: list[GeminiGroundingChunk], text: str, starts: Sequence[int]
) -> list[Json]:
    segment, indices = support.get("segment"), support.get("groundingChunkIndices")
    if not isinstance(segment, dict) or not isinstance(indices, list):
        return []
    start, end = _parse_span(segment, text, starts)
    annotations: list[Json] = []
    for index in indices:
        chunk = pages[index] if type(index) is int and 0 <= index < len(pages) else None
        page = chunk.get("web") if isinstance(chunk, dict) else None
        if isinstance(page, dict) and isinstance(uri := page.get("uri"), str):
            title = string_field(page, "title")
            citation = {"start_index": start, "end_index": end, "url": uri, "title": title}
            annotations.append({"type": "url_citation", "url_citation": citation})
    return annotations


def _parse_span(segment: GeminiSegment, text: str, starts: Sequence[int]) -> tuple[int, int]:
    """Return the segment's start and end as characters of the whole text."""
    part = _number(segment, "partIndex")
    base = starts[part] if part < len(starts) else 0
    raw = text[base:].encode(errors="replace")
    start, end = (
        base + len(raw[: _number(segment, name)].decode(errors="ignore"))
        for name in ("startIndex", "endIndex")
    )
    return start, end


def _number(source: Mapping[str, object], name: str) -> int:
    value = source.get(name)
    return value if type(value) is int and value > 0 else 0
