"""Responses that come as a JSON array of stream events.

streamGenerateContent returns an array unless the URL has `alt=sse`:
https://ai.google.dev/api/generate-content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects.json_fields import require_object
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import GeminiCandidate, GeminiPart, GeminiResponse


def join_events(body: object) -> GeminiResponse:
    """Return the body, or the events of an array as one response.

    Raise ValueError if the body is neither an object nor an array of objects.
    """
    if not isinstance(body, list):
        return cast("GeminiResponse", require_object(body, "a response"))
    response: Json = {}
    usage: Json = {}
    by_index: dict[int, Json] = {}
    for item in body:
        event = require_object(item, "an event")
        if event.get("error"):
            return cast("GeminiResponse", event)
        if isinstance(event.get("usageMetadata"), dict):
            usage.update(event["usageMetadata"])
        for position, candidate in enumerate(list_candidates(event)):
            _join_candidate(by_index, position, candidate)
        response.update(event)
    candidates = [by_index[index] for index in sorted(by_index)]
    joined = {**response, **({"usageMetadata": usage} if usage else {}), "candidates": candidates}
    return cast("GeminiResponse", joined)


def list_candidates(response: GeminiResponse | Json) -> list[GeminiCandidate]:
    """Return the candidates, which may be missing. Raise ValueError if one is not an object."""
    candidates = response.get("candidates")
    if not isinstance(candidates, list):
        return []
    for candidate in candidates:
        require_object(candidate, "a candidate")
    return candidates


def list_parts(candidate: GeminiCandidate) -> list[GeminiPart]:
    """Return the content parts, which may be missing. Raise ValueError if one is not an object."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    if not isinstance(parts, list):
        return []
    for part in parts:
        require_object(part, "a content part")
    return parts


def candidate_index(candidate: GeminiCandidate, position: int) -> int:
    """Return the candidate's index, or its position in the list if it has none."""
    index = candidate.get("index")
    return index if type(index) is int and index >= 0 else position


def _join_candidate(by_index: dict[int, Json], position: int, candidate: GeminiCandidate) -> None:
    index = candidate_index(candidate, position)
    existing = by_index.get(index, {"index": index})
    fields = {name: value for name, value in candidate.items() if value is not None}
    parts = [*list_parts(cast("GeminiCandidate", existing)), *list_parts(candidate)]
    by_index[index] = {**existing, **fields, "content": {"parts": parts}}
