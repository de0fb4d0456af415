"""Joins the choices of a response to a request for one: some providers put text in one, calls in another."""

from __future__ import annotations

from vaultcore.casts import cast
from vaultcore.wire import ChatChunk, ChatCompletion, Json

TEXTS = ("content", "refusal", "reasoning_content")
LISTS = ("tool_calls", "annotations", "thinking_blocks", "images")


def join_choices(completion: ChatCompletion) -> ChatCompletion:
    """Return the completion with one choice: the texts joined, the lists concatenated."""
    choices = cast("list[Json]", completion["choices"])
    if len(choices) < 2:
        return completion
    message = {name: value for choice in reversed(choices) for name, value in choice["message"].items()}
    message |= _join([choice["message"] for choice in choices])
    joined = {**choices[0], "message": message, "finish_reason": _finish_reason(choices)}
    return cast(ChatCompletion, {**completion, "choices": [joined]})


class ChoiceJoiner:
    """Joins the choices of one stream: all deltas get index 0, and each call an index of its own."""

    def __init__(self) -> None:
        self._positions: dict[tuple[int, int], int] = {}  # choice and index of a call in it -> our index

    def join(self, chunk: ChatChunk) -> ChatChunk:
        """Return the chunk with one choice at most; the same object if the stream is not split."""
        choices = cast("list[Json]", chunk.get("choices") or [])
        if not choices:
            return chunk
        is_plain = len(choices) == 1 and choices[0]["index"] == 0
        if is_plain and not choices[0]["delta"].get("tool_calls"):
            return chunk
        numbered = [self._number_calls(choice) for choice in choices]
        if is_plain:
            return cast(ChatChunk, {**chunk, "choices": numbered})
        delta = {name: value for choice in reversed(numbered) for name, value in choice["delta"].items()}
        delta |= _join([choice["delta"] for choice in numbered])
        joined = {**numbered[0], "index": 0, "delta": delta, "finish_reason": _finish_reason(numbered)}
        return cast(ChatChunk, {**chunk, "choices": [joined]})

    def _number_calls(self, choice: Json) -> Json:
        calls = choice["delta"].get("tool_calls")
        if not calls:
            return choice
        keys = [(choice["index"], call.get("index", 0)) for call in calls]
        places = [self._positions.setdefault(key, len(self._positions)) for key in keys]
        numbered = [{**call, "index": place} for call, place in zip(calls, places, strict=True)]
        return {**choice, "delta": {**choice["delta"], "tool_calls": numbered}}


def _join(parts: list[Json]) -> Json:
    """Return the texts and lists of messages or deltas, each joined."""
    texts = {name: "".join(part[name] for part in parts if part.get(name)) for name in TEXTS}
    lists = {name: [item for part in parts for item in part.get(name) or ()] for name in LISTS}
    return {name: value for name, value in (texts | lists).items() if value}


def _finish_reason(choices: list[Json]) -> str | None:
    """Return the reason of a choice with calls, if there is one, else the last reason."""
    reasons = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    return "tool_calls" if "tool_calls" in reasons else reasons[-1] if reasons else None
