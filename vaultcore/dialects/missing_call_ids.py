"""Adds `tool_call_id` to tool results that lack it, in the order of the calls before them."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.casts import cast
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Message


def add_call_ids(request: ChatRequest) -> ChatRequest:
    """Return the request with an id in every tool result.

    Raise InvalidRequest if a result without an id follows no unanswered call.
    """
    messages = request["messages"]
    if not any(_lacks_id(message) for message in messages):
        return request
    out: list[Message] = []
    unanswered: list[str] = []
    for i, message in enumerate(messages):
        if message.get("role") == "assistant":
            unanswered = [str(call.get("id") or "") for call in message.get("tool_calls") or ()]
        elif _lacks_id(message):
            if not unanswered:
                param = f"messages[{i}].tool_call_id"
                text = f"{param} is required: every tool call before it has a result"
                raise InvalidRequest(text, param=param)
            message = cast(Message, {**message, "tool_call_id": unanswered.pop(0)})  # noqa: PLW2901 - a copy
        elif (call_id := message.get("tool_call_id")) is not None and call_id in unanswered:
            unanswered.remove(call_id)
        out.append(message)
    return cast(ChatRequest, {**request, "messages": out})


def _lacks_id(message: Mapping[str, object]) -> bool:
    return message.get("role") == "tool" and message.get("tool_call_id") is None
