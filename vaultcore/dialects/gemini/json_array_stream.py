"""An answer's pieces, and one that comes as the list of them: streaming, where nobody asks for SSE."""

from __future__ import annotations

from vaultcore.dialects.json_fields import an_object
from vaultcore.wire import Json


def whole(told: object) -> Json:
    """The answer as one object. Raises ValueError where it is neither that nor a list of such."""
    if not isinstance(told, list):
        return an_object(told, "an answer")
    out: Json = {}
    usage: Json = {}
    by_index: dict[int, Json] = {}
    for piece in told:
        each = an_object(piece, "a piece of an answer")
        if each.get("error"):
            return each
        if isinstance(each.get("usageMetadata"), dict):
            usage.update(each["usageMetadata"])
        for position, candidate in enumerate(objects(each, "candidates")):
            _join(by_index, position, candidate)
        out.update(each)
    candidates = [by_index[index] for index in sorted(by_index)]
    return {**out, **({"usageMetadata": usage} if usage else {}), "candidates": candidates}


def objects(told: Json, name: str) -> list[Json]:
    """A member that should be a list of objects; empty where it is not there."""
    value = told.get(name)
    return [an_object(item, f"one of {name}") for item in value] if isinstance(value, list) else []


def parts(candidate: Json) -> list[Json]:
    content = candidate.get("content")
    return objects(content, "parts") if isinstance(content, dict) else []


def place(candidate: Json, position: int) -> int:
    """A candidate's index; its place where it gives none."""
    index = candidate.get("index")
    return index if type(index) is int and index >= 0 else position


def _join(by_index: dict[int, Json], position: int, candidate: Json) -> None:
    index = place(candidate, position)
    held = by_index.get(index, {"index": index})
    more = {name: value for name, value in candidate.items() if value is not None}
    by_index[index] = {**held, **more, "content": {"parts": [*parts(held), *parts(candidate)]}}
