"""Tool results that do not say which call they answer: they answer those before them, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Message


def with_ids(request: ChatRequest) -> ChatRequest:
    """The request, every tool result with the id of its call. Raises where there is none to answer."""
    messages = request["messages"]
    if not any(_anonymous(message) for message in messages):
        return request
    out: list[Message] = []
    waiting: list[str] = []
    for i, message in enumerate(messages):
        if message.get("role") == "assistant":
            waiting = [str(call.get("id") or "") for call in message.get("tool_calls") or ()]
        elif _anonymous(message):
            if not waiting:
                param = f"messages[{i}].tool_call_id"
                raise InvalidRequest(f"{param} is required: no call before it is left open", param=param)
            message = cast(Message, {**message, "tool_call_id": waiting.pop(0)})  # noqa: PLW2901 - a new one
        elif (answered := message.get("tool_call_id")) is not None and answered in waiting:
            waiting.remove(answered)
        out.append(message)
    return cast(ChatRequest, {**request, "messages": out})


def _anonymous(message: Mapping[str, object]) -> bool:
    return message.get("role") == "tool" and message.get("tool_call_id") is None
