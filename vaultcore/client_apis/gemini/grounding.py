"""Citations of web pages as grounding metadata: https://ai.google.dev/gemini-api/docs/google-search.

The inverse of `dialects/gemini/grounding.py`: Google counts UTF-8 bytes, chat completions characters.
"""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.wire import Json


def render_grounding(annotations: Iterable[object], text: str) -> Json | None:
    """Return the groundingMetadata of a text, or None if it cites no page."""
    pages: dict[str, Json] = {}  # by URL, in order of appearance
    supports: list[Json] = []
    for annotation in annotations:
        match annotation:
            case {"type": "url_citation", "url_citation": {"url": str(url)} as citation}:
                page = {"uri": url, "title": str(citation.get("title") or "")}
                pages.setdefault(url, {"web": page})
                index = list(pages).index(url)
                supports.append({"segment": _segment(citation, text), "groundingChunkIndices": [index]})
    return {"groundingChunks": list(pages.values()), "groundingSupports": supports} if pages else None


def _segment(citation: Json, text: str) -> Json:
    start, end = (_position(citation.get(name), len(text)) for name in ("start_index", "end_index"))
    cited = text[start:end]
    first = len(text[:start].encode(errors="replace"))
    return {"startIndex": first, "endIndex": first + len(cited.encode(errors="replace")), "text": cited}


def _position(value: object, length: int) -> int:
    return min(max(value, 0), length) if isinstance(value, int) else 0
