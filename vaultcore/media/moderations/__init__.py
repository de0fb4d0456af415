"""`POST /v1/moderations`: https://platform.openai.com/docs/api-reference/moderations.

A list of strings has one result per string. A list of content parts (text, image_url) has one result.
"""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.casts import cast
from vaultcore.catalog.schema import Model
from vaultcore.dialects import Change
from vaultcore.media import Kind, MediaRequest, MediaResult, RenderedMediaResponse
from vaultcore.media.response_fields import estimate_tokens, token_count, total_usage
from vaultcore.media.validation import reject, require_field, validate_body
from vaultcore.wire import ChatRequest, Json, Usage

DEFAULT_MODEL = "omni-moderation-latest"  # OpenAI's default

kind: Kind = "moderations"
native = ""
headers = ()
unsupported_types = frozenset({"image", "hybrid", "embedding"})


def parse_request(body: object) -> ChatRequest:
    if isinstance(body, dict) and body.get("model") is None:
        body = {**body, "model": DEFAULT_MODEL}
    request = validate_body(body)
    _check_input(require_field(request, "input"))
    return cast(ChatRequest, request)


def is_complete(result: MediaResult, request: MediaRequest) -> bool:
    return len(result.items) == request.count


def render_response(
    request: Json,
    results: Sequence[MediaResult],
    title: str,
    created: int,  # noqa: ARG001 - part of the protocol
) -> RenderedMediaResponse:
    items = [cast(Json, item) for result in results for item in result.items]
    rendered = [_with_flagged(item) for item in items]
    changes: tuple[Change, ...] = ()
    if rendered != items:
        reason = f"{title} does not return it: true if any category is true"
        changes = (Change("results.flagged", "emulated", reason),)
    body: Json = {**results[0].extra, "model": request["model"], "results": rendered}
    return RenderedMediaResponse(body, _usage(request, results), changes)


def has_price(model: Model) -> bool:  # noqa: ARG001 - part of the protocol
    return True


def count_results(value: str | list[object]) -> int:
    """Return the number of results for an input: one per string, one for all content parts."""
    return len(value) if isinstance(value, list) and isinstance(value[0], str) else 1


def _usage(request: Json, results: Sequence[MediaResult]) -> Usage:
    """Return the reported usage. OpenAI reports none: then the tokens of the texts are estimated."""
    total = total_usage(result.usage for result in results) or {}
    prompt = token_count(total.get("prompt_tokens")) or estimate_tokens(_texts(request["input"]))
    return {"prompt_tokens": prompt, "completion_tokens": 0, "total_tokens": prompt}


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    texts = [item.get("text") if isinstance(item, dict) else item for item in items]
    return [text for text in texts if isinstance(text, str)]


def _with_flagged(result: Json) -> Json:
    """Return the result with `flagged`, which Mistral omits."""
    if isinstance(result.get("flagged"), bool):
        return result
    categories = result.get("categories")
    values = categories.values() if isinstance(categories, dict) else ()
    return {**result, "flagged": any(value is True for value in values)}


def _check_input(value: object) -> None:
    match value:
        case str():
            return
        case []:
            reject("input", "must contain at least one item", code="empty_array")
        case list() if all(isinstance(item, str) for item in value):
            return
        case list() if all(isinstance(item, dict) for item in value):
            return
        case _:
            reject(
                "input",
                "must be a string, a list of strings, or a list of content parts",
                code="invalid_type",
            )
