"""How much a request may use: what is reserved before anybody is asked.

A quota and money must hold whatever a provider counts, so the prompt is bounded rather than guessed: no
tokenizer makes more tokens of a text than it has bytes. For tokens per minute, which come back by themselves,
the estimate does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from vaultcore.usage.max_cost import PICTURES
from vaultcore.usage.token_estimate import estimate
from vaultcore.wire import ChatRequest, Json

PER_MESSAGE = 16  # tokens around a message, in any provider's template
TOOLS = 800  # what providers add themselves where there are tools
IMAGE = 6_000  # of the largest that most models take
BYTES_OF_FILE = 4  # of a document per token, at worst
PER_PICTURE = 8_500  # completion tokens of a picture that is billed by them, at the highest quality


@dataclass(frozen=True, slots=True)
class RequestEstimate:
    """Tokens. `completion` is for all choices together; None where the request leaves it to the model."""

    prompt: int  # at most
    expected: int  # of the prompt, roughly
    completion: int | None
    choices: int = 1
    pictures: int = PICTURES


def chat(request: ChatRequest) -> RequestEstimate:
    """What a chat request may use."""
    told = max(request.get("max_completion_tokens") or 0, request.get("max_tokens") or 0)
    choices = max(1, int(request.get("n") or 1))
    return RequestEstimate(_bound(request), estimate(request), told * choices if told else None, choices)


def embedding(request: Mapping[str, object]) -> RequestEstimate:
    """What a request for embeddings may use: its input, and nothing that comes back."""
    given = request.get("input")
    most = _size(given) + PER_MESSAGE
    return RequestEstimate(most, max(1, most // 3), 0)


def pictures(request: Mapping[str, object]) -> RequestEstimate:
    """What a request for pictures may use: the words, and tokens for every picture."""
    count = max(1, int(cast(int, request.get("n") or 1)))
    most = _size(request.get("prompt")) + PER_MESSAGE
    return RequestEstimate(most, max(1, most // 3), count * PER_PICTURE, count, count)


def _bound(request: ChatRequest) -> int:
    messages = request.get("messages") or ()
    tools = request.get("tools")
    told = sum(PER_MESSAGE + _message(cast(Json, message)) for message in messages)
    return told + (TOOLS + _size(tools) if tools else 0) + _size(request.get("response_format"))


def _message(message: Mapping[str, object]) -> int:
    content = message.get("content")
    parts = sum(map(_part, content)) if isinstance(content, list) else _size(content)
    others = ("tool_calls", "reasoning_content", "name", "function_call", "tool_call_id", "refusal")
    blocks = message.get("thinking_blocks")
    return parts + sum(_size(message[name]) for name in others if name in message) + _size(blocks)


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
    """Bytes of a text, or of a value as JSON."""
    match value:
        case None:
            return 0
        case str():
            return len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
        case list() if all(isinstance(each, int) for each in value):
            return len(value)  # tokens already
        case _:
            return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
