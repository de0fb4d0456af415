"""`POST /v1/embeddings`: https://platform.openai.com/docs/api-reference/embeddings.

`input_type` is an extension: what the texts are for, in the words of any of the providers that ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from vaultcore.catalog.schema import Model
from vaultcore.dialects import Change
from vaultcore.media import Kind, Made, Part, Post
from vaultcore.media import usage as counts
from vaultcore.media.embeddings import vector
from vaultcore.media.embeddings.vector import Vector
from vaultcore.media.validation import an_object, present, refuse, whole, word
from vaultcore.wire import ChatRequest, Json, Usage

MOST_INPUTS = 2_048  # as OpenAI has it
BYTES_PER_TOKEN = 4  # of typical text: where a provider counts nothing

kind: Kind = "embeddings"
native = ""
headers = ()
unfit = frozenset({"image", "hybrid"})


def parse_request(body: object) -> ChatRequest:
    request = an_object(body)
    _check_input(present(request, "input"))
    whole(request, "dimensions", most=1 << 20)
    word(request, "encoding_format", ("float", "base64"))
    word(request, "user")
    return cast(ChatRequest, request)


def complete(part: Part, post: Post) -> bool:
    return len(part.items) == post.count


def render_answer(request: Json, parts: Sequence[Part], title: str, created: int) -> Made:  # noqa: ARG001 - the Protocol's
    encode = vector.base64 if request.get("encoding_format") == "base64" else vector.floats
    vectors = [cast(Vector, item) for part in parts for item in part.items]
    told = counts.total(part.usage for part in parts)
    changes: tuple[Change, ...] = ()
    if told is None:
        told = {"prompt_tokens": _estimate(request["input"])}
        changes = (Change("usage", "emulated", f"{title} counts no tokens: estimated from the length"),)
    prompt = counts.count(told.get("prompt_tokens")) or counts.count(told.get("total_tokens"))
    whole_usage = {**told, "prompt_tokens": prompt, "total_tokens": prompt}
    data = [
        {"object": "embedding", "index": index, "embedding": encode(each)}
        for index, each in enumerate(vectors)
    ]
    answer = {"object": "list", "data": data, "model": request["model"], "usage": whole_usage}
    usage: Usage = {"prompt_tokens": prompt, "completion_tokens": 0, "total_tokens": prompt}
    return Made(answer, usage, changes)


def priced(model: Model) -> bool:  # noqa: ARG001 - the Protocol's
    return True


def _check_input(value: object) -> None:
    match value:
        case str():
            if not value:
                refuse("input", "must not be empty")
        case []:
            refuse("input", "must hold at least one text", code="empty_array")
        case list():
            _check_inputs(value)
        case _:
            refuse("input", "must be a string, a list of strings, or tokens", code="invalid_type")


def _check_inputs(values: list[object]) -> None:
    """All texts, all tokens of one text, or all lists of tokens: never a mixture."""
    if len(values) > MOST_INPUTS and not _tokens(values):
        refuse("input", f"must hold {MOST_INPUTS} at most", code="array_above_max_length")
    if _tokens(values):
        return
    for i, value in enumerate(values):
        place = f"input[{i}]"
        if isinstance(value, str) is not isinstance(values[0], str):
            refuse(place, "is of another kind than the first", code="invalid_type")
        if not (isinstance(value, str) or (isinstance(value, list) and _tokens(value))):
            refuse(place, "must be a string or a list of tokens", code="invalid_type")
        if not value:
            refuse(place, "must not be empty")


def _tokens(values: list[object]) -> bool:
    return all(type(value) is int and value >= 0 for value in values)


def _estimate(asked: str | list[object]) -> int:
    texts = [asked] if isinstance(asked, str) else [text for text in asked if isinstance(text, str)]
    return sum(-(-len(text.encode()) // BYTES_PER_TOKEN) for text in texts)
