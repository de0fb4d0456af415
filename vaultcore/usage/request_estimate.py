"""Estimates the usage of a request before it is sent, for its reservation.

A quota and a budget must hold whatever the provider counts. The prompt is therefore bounded: no tokenizer
makes more tokens of a text than it has bytes. Tokens per minute recover by themselves, so that a rough
estimate is enough for them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from vaultcore.usage.max_cost import MAX_IMAGES
from vaultcore.usage.token_estimate import estimate_request
from vaultcore.wire import ChatRequest, Json

PER_MESSAGE = 16  # tokens around a message, in any provider's template
TOOLS = 800  # tokens that providers add to a request with tools
IMAGE = 6_000  # tokens of the largest image that most models accept
BYTES_OF_FILE = 4  # bytes of a document per token, at worst
PER_IMAGE = 8_500  # completion tokens of a generated image that is billed by tokens, at the highest quality


@dataclass(frozen=True, slots=True)
class RequestEstimate:
    """Tokens and images of a request."""

    prompt: int  # tokens at most
    expected: int  # tokens of the prompt, roughly
    completion: int | None  # tokens of all choices together; None: the request does not limit them
    choices: int = 1
    images: int = MAX_IMAGES


def estimate_chat(request: ChatRequest) -> RequestEstimate:
    """Estimate a chat request."""
    limit = max(request.get("max_completion_tokens") or 0, request.get("max_tokens") or 0)
    choices = max(1, int(request.get("n") or 1))
    completion = limit * choices if limit else None
    return RequestEstimate(_bound_prompt(request), estimate_request(request), completion, choices)


def estimate_embeddings(request: Mapping[str, object]) -> RequestEstimate:
    """Estimate a request for embeddings: its input. The response has no tokens."""
    most = _size(request.get("input")) + PER_MESSAGE
    return RequestEstimate(most, max(1, most // 3), 0)


def estimate_moderations(request: Mapping[str, object]) -> RequestEstimate:
    """Estimate a request for moderations: its texts and images. The response has no tokens."""
    value = request.get("input")
    items = value if isinstance(value, list) else [value]
    most = sum(_size(item) if isinstance(item, str) else _part(item) for item in items) + PER_MESSAGE
    return RequestEstimate(most, max(1, most // 3), 0)


def estimate_images(request: Mapping[str, object]) -> RequestEstimate:
    """Estimate a request for images: its prompt, and tokens for every image."""
    count = max(1, int(cast(int, request.get("n") or 1)))
    most = _size(request.get("prompt")) + PER_MESSAGE
    return RequestEstimate(most, max(1, most // 3), count * PER_IMAGE, count, count)


def _bound_prompt(request: ChatRequest) -> int:
    messages = request.get("messages") or ()
    tools = request.get("tools")
    total = sum(PER_MESSAGE + _message(cast(Json, message)) for message in messages)
    return total + (TOOLS + _size(tools) if tools else 0) + _size(request.get("response_format"))


def _message(message: Mapping[str, object]) -> int:
    content = message.get("content")
    parts = sum(map(_part, content)) if isinstance(content, list) else _size(content)
    others = ("tool_calls", "reasoning_content", "name", "function_call", "tool_call_id", "refusal")
    opaque = _size(message.get("thinking_blocks"))
    return parts + sum(_size(message[name]) for name in others if name in message) + opaque


def _part(part: object) -> int:
    match part:
        case {"type": "text", "text": str(text)}:
            return _size(text)
        case {"type": "image_url"}:
            return IMAGE
        case {"type": "file", "file": {"file_data": str(data)}}:
            return max(IMAGE, len(data) // BYTES_OF_FILE)
        case _:
            return max(IMAGE, _size(part) // BYTES_OF_FILE)


def _size(value: object) -> int:
    """Return the bytes of a text or of a value as JSON; the length of a list of tokens."""
    match value:
        case None:
            return 0
        case str():
            return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
        case list() if all(isinstance(each, int) for each in value):
            return len(value)
        case _:
            return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
