"""`POST /v1/images/generations`: https://platform.openai.com/docs/api-reference/images/create."""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.casts import cast
from vaultcore.catalog.schema import Model
from vaultcore.media import Kind, MediaRequest, MediaResult, RenderedMediaResponse
from vaultcore.media.images import size
from vaultcore.media.response_fields import token_count, total_usage
from vaultcore.media.validation import check_integer, check_string, reject, require_field, validate_body
from vaultcore.wire import ChatRequest, Json, Usage

MAX_IMAGES = 10  # per request; OpenAI's limit
PRICED_TYPES = frozenset({"image"})  # a hybrid model's price per token may be that of text only

kind: Kind = "images"
native = ""
headers = ()
unsupported_types = frozenset({"embedding", "moderation"})


def parse_request(body: object) -> ChatRequest:
    request = validate_body(body)
    if not isinstance(prompt := require_field(request, "prompt"), str):
        reject("prompt", "must be a string", code="invalid_type")
    if not prompt.strip():
        reject("prompt", "must not be empty")
    check_integer(request, "n", most=MAX_IMAGES)
    check_string(request, "response_format", ("url", "b64_json"))
    for name in ("size", "quality", "style", "background", "output_format", "user"):
        check_string(request, name)
    size.parse_size(request.get("size"))
    if request.get("stream"):
        reject("stream", "is not supported for images", code="unsupported_parameter")
    return cast(ChatRequest, request)


def is_complete(result: MediaResult, request: MediaRequest) -> bool:  # noqa: ARG001 - fewer images are accepted
    """Return True if there is an image: a content filter may withhold some of those requested."""
    return bool(result.items)


def render_response(
    request: Json,
    results: Sequence[MediaResult],
    title: str,  # noqa: ARG001 - part of the protocol
    created: int,
) -> RenderedMediaResponse:
    extra = results[0].extra
    images = [item for result in results for item in result.items]
    body: Json = {**extra, "created": extra.get("created") or created, "data": images}
    pictures: Json = {"count": len(images), "size": request.get("size"), "quality": request.get("quality")}
    total = total_usage(result.usage for result in results)
    if total is None:
        return RenderedMediaResponse(body, {"pictures": pictures})
    prompt, completion = token_count(total.get("input_tokens")), token_count(total.get("output_tokens"))
    usage: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": total.get("input_tokens_details") or {},
        # Without details, all output tokens are image tokens.
        "completion_tokens_details": total.get("output_tokens_details") or {"image_tokens": completion},
        "pictures": pictures,
    }
    return RenderedMediaResponse({**body, "usage": total}, usage)


def has_price(model: Model) -> bool:
    price = model.price
    return model.type in PRICED_TYPES or (price is not None and bool(price.pictures or price.image_output))
