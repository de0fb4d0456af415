"""`POST /v1/embeddings`: https://platform.openai.com/docs/api-reference/embeddings.

`input_type` is an extension: the purpose of the texts, in the words of any provider that has such a field.
"""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.casts import cast
from vaultcore.catalog.schema import Model
from vaultcore.dialects import Change
from vaultcore.media import Kind, MediaRequest, MediaResult, RenderedMediaResponse
from vaultcore.media.embeddings import vector
from vaultcore.media.embeddings.vector import Vector
from vaultcore.media.response_fields import estimate_tokens, token_count, total_usage
from vaultcore.media.validation import check_integer, check_string, reject, require_field, validate_body
from vaultcore.wire import ChatRequest, Json, Usage

MAX_INPUTS = 2_048  # OpenAI's limit
MAX_DIMENSIONS = 1 << 20

kind: Kind = "embeddings"
native = ""
headers = ()
unsupported_types = frozenset({"image", "hybrid", "moderation"})


def parse_request(body: object) -> ChatRequest:
    request = validate_body(body)
    _check_input(require_field(request, "input"))
    check_integer(request, "dimensions", most=MAX_DIMENSIONS)
    check_string(request, "encoding_format", ("float", "base64"))
    check_string(request, "user")
    return cast(ChatRequest, request)


def is_complete(result: MediaResult, request: MediaRequest) -> bool:
    return len(result.items) == request.count


def render_response(
    request: Json,
    results: Sequence[MediaResult],
    title: str,
    created: int,  # noqa: ARG001 - part of the protocol
) -> RenderedMediaResponse:
    encode = vector.to_base64 if request.get("encoding_format") == "base64" else vector.to_floats
    vectors = [cast(Vector, item) for result in results for item in result.items]
    total = total_usage(result.usage for result in results)
    changes: tuple[Change, ...] = ()
    if total is None:
        total = {"prompt_tokens": estimate_tokens(_texts(request["input"]))}
        reason = f"{title} reports no usage: estimated from the input's length"
        changes = (Change("usage", "emulated", reason),)
    prompt = token_count(total.get("prompt_tokens")) or token_count(total.get("total_tokens"))
    data = [
        {"object": "embedding", "index": index, "embedding": encode(each)}
        for index, each in enumerate(vectors)
    ]
    body = {
        "object": "list",
        "data": data,
        "model": request["model"],
        "usage": {**total, "prompt_tokens": prompt, "total_tokens": prompt},
    }
    usage: Usage = {"prompt_tokens": prompt, "completion_tokens": 0, "total_tokens": prompt}
    return RenderedMediaResponse(body, usage, changes)


def has_price(model: Model) -> bool:  # noqa: ARG001 - part of the protocol
    return True


def _check_input(value: object) -> None:
    match value:
        case str():
            if not value:
                reject("input", "must not be empty")
        case []:
            reject("input", "must contain at least one text", code="empty_array")
        case list():
            _check_inputs(value)
        case _:
            reject("input", "must be a string, a list of strings, or tokens", code="invalid_type")


def _check_inputs(values: list[object]) -> None:
    """Raise InvalidRequest unless all values are texts, tokens of one text, or lists of tokens."""
    if len(values) > MAX_INPUTS and not _are_tokens(values):
        reject("input", f"must contain at most {MAX_INPUTS} texts", code="array_above_max_length")
    if _are_tokens(values):
        return
    for i, value in enumerate(values):
        place = f"input[{i}]"
        if isinstance(value, str) is not isinstance(values[0], str):
            reject(place, "must have the same type as the first input", code="invalid_type")
        if not (isinstance(value, str) or (isinstance(value, list) and _are_tokens(value))):
            reject(place, "must be a string or a list of tokens", code="invalid_type")
        if not value:
            reject(place, "must not be empty")


def _are_tokens(values: list[object]) -> bool:
    return all(type(value) is int and value >= 0 for value in values)


def _texts(value: str | list[object]) -> list[str]:
    return [value] if isinstance(value, str) else [text for text in value if isinstance(text, str)]
