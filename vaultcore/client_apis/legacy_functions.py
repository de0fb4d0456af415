"""Answers to a client that speaks of functions, as tools were called before there were tools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json

CALLED = "tool_calls"
THEN = "function_call"


def spoken(request: ChatRequest) -> bool:
    """Whether a request is in the old words."""
    told = cast(Json, request)
    return told.get("functions") is not None or told.get(THEN) is not None


def completion(told: ChatCompletion) -> Json:
    """The completion, with the first call of each choice as a function call."""
    return {**told, "choices": [_choice(cast(Json, choice), "message") for choice in told["choices"]]}


class Chunks:
    """The same of a stream, in front of the surface's own machine."""

    __slots__ = ("_encoder",)

    def __init__(self, encoder: Stage[ChatChunk, Event]) -> None:
        self._encoder = encoder

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        choices = [_choice(cast(Json, choice), "delta") for choice in item.get("choices") or ()]
        return self._encoder.feed(cast(ChatChunk, {**item, "choices": choices}))

    def close(self) -> Iterable[Event]:
        return self._encoder.close()


def _choice(choice: Json, place: str) -> Json:
    finish = THEN if choice.get("finish_reason") == CALLED else choice.get("finish_reason")
    return {**choice, place: _called(choice[place]), "finish_reason": finish}


def _called(holder: Json) -> Json:
    calls = holder.get(CALLED)
    if not calls:
        return holder
    plain = {name: value for name, value in holder.items() if name != CALLED}
    first = [call["function"] for call in calls if call.get("index", 0) == 0 and "function" in call]
    return {**plain, THEN: first[0]} if first else plain
