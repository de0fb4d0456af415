"""Responses for clients that use `functions` and `function_call`, the predecessors of `tools`.

https://platform.openai.com/docs/api-reference/chat/create marks both fields as deprecated.
"""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.casts import cast
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json

TOOL_CALLS = "tool_calls"
FUNCTION_CALL = "function_call"


def uses_functions(request: ChatRequest) -> bool:
    """Return True if the request has `functions` or `function_call`."""
    fields = cast(Json, request)
    return fields.get("functions") is not None or fields.get(FUNCTION_CALL) is not None


def render_functions(completion: ChatCompletion) -> Json:
    """Return the completion with the first tool call of each choice as its `function_call`."""
    choices = [_render_choice(cast(Json, choice), "message") for choice in completion["choices"]]
    return {**completion, "choices": choices}


class FunctionCallEncoder:
    """Turns tool calls into function calls before the chunks reach another encoder."""

    __slots__ = ("_encoder",)

    def __init__(self, encoder: Stage[ChatChunk, Event]) -> None:
        self._encoder = encoder

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        choices = [_render_choice(cast(Json, choice), "delta") for choice in item.get("choices") or ()]
        return self._encoder.feed(cast(ChatChunk, {**item, "choices": choices}))

    def close(self) -> Iterable[Event]:
        return self._encoder.close()


def _render_choice(choice: Json, field: str) -> Json:
    """Return the choice with a function call in `field`, which is `message` or `delta`."""
    finish = FUNCTION_CALL if choice.get("finish_reason") == TOOL_CALLS else choice.get("finish_reason")
    return {**choice, field: _render_message(choice[field]), "finish_reason": finish}


def _render_message(message: Json) -> Json:
    calls = message.get(TOOL_CALLS)
    if not calls:
        return message
    rest = {name: value for name, value in message.items() if name != TOOL_CALLS}
    functions = [call["function"] for call in calls if call.get("index", 0) == 0 and "function" in call]
    return {**rest, FUNCTION_CALL: functions[0]} if functions else rest
