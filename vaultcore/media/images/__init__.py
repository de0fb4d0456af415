"""`POST /v1/images/generations`: https://platform.openai.com/docs/api-reference/images/create."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from vaultcore.catalog.schema import Model
from vaultcore.media import Kind, Made, Part, Post
from vaultcore.media import usage as counts
from vaultcore.media.images import size
from vaultcore.media.validation import an_object, present, refuse, whole, word
from vaultcore.wire import ChatRequest, Json, Usage

MOST = 10  # pictures of one request, as OpenAI has it
PRICED = frozenset({"image"})  # of a hybrid the price of words alone says nothing of its pictures

kind: Kind = "images"
native = ""
headers = ()
unfit = frozenset({"embedding"})


def parse_request(body: object) -> ChatRequest:
    request = an_object(body)
    if not isinstance(prompt := present(request, "prompt"), str):
        refuse("prompt", "must be a string", code="invalid_type")
    if not prompt.strip():
        refuse("prompt", "must not be empty")
    whole(request, "n", most=MOST)
    word(request, "response_format", ("url", "b64_json"))
    for name in ("size", "quality", "style", "background", "output_format", "user"):
        word(request, name)
    size.parse(request.get("size"))
    if request.get("stream"):
        refuse("stream", "is not supported for images here", code="unsupported_parameter")
    return cast(ChatRequest, request)


def complete(part: Part, post: Post) -> bool:  # noqa: ARG001 - a provider may withhold some of the pictures
    return bool(part.items)


def render_answer(request: Json, parts: Sequence[Part], title: str, created: int) -> Made:  # noqa: ARG001 - the Protocol's
    told = counts.total(part.usage for part in parts)
    more = parts[0].more
    drawn = [item for part in parts for item in part.items]
    answer: Json = {**more, "created": more.get("created") or created, "data": drawn}
    pictures: Json = {"count": len(drawn), "size": request.get("size"), "quality": request.get("quality")}
    if told is None:
        return Made(answer, {"pictures": pictures})
    prompt, completion = counts.count(told.get("input_tokens")), counts.count(told.get("output_tokens"))
    came_out = told.get("output_tokens_details")
    usage: Usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": told.get("input_tokens_details") or {},
        # Who tells no more has made pictures and nothing else.
        "completion_tokens_details": came_out or {"image_tokens": completion},
        "pictures": pictures,
    }
    return Made({**answer, "usage": told}, usage)


def priced(model: Model) -> bool:
    price = model.price
    return model.type in PRICED or (price is not None and bool(price.pictures or price.image_output))
