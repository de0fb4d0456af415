"""A whole response as a stream, for providers that answer `"stream": true` with one JSON body."""

from __future__ import annotations

from collections.abc import Iterator

from vaultcore.casts import cast
from vaultcore.wire import ChatChunk, ChatCompletion, ChunkChoice, Delta, ToolCall


def chunks(completion: ChatCompletion) -> Iterator[ChatChunk]:
    """Yield one chunk with all choices, and one with the usage if there is any."""
    envelope: ChatChunk = {
        "id": completion.get("id", ""),
        "object": "chat.completion.chunk",
        "created": completion.get("created", 0),
        "model": completion.get("model", ""),
    }
    choices: list[ChunkChoice] = [
        {
            "index": choice["index"],
            "delta": _delta(choice["message"]),
            "finish_reason": choice["finish_reason"],
        }
        for choice in completion["choices"]
    ]
    yield {**envelope, "choices": choices}
    if usage := completion.get("usage"):
        last: ChatChunk = {**envelope, "choices": [], "usage": usage}
        yield {**last, "service_tier": completion["service_tier"]} if "service_tier" in completion else last


def _delta(message: object) -> Delta:
    fields = cast(Delta, dict(cast("dict[str, object]", message)))
    calls = fields.get("tool_calls")
    if calls:
        indexed: list[ToolCall] = [{**call, "index": index} for index, call in enumerate(calls)]
        return {**fields, "tool_calls": indexed}
    return fields
