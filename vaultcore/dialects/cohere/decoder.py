"""Cohere's event stream as chunks: https://docs.cohere.com/v2/docs/streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, cast

from vaultcore.dialects import repair
from vaultcore.dialects.cohere.response import call, citations, finish_reason, logprobs, usage
from vaultcore.dialects.json_fields import payload, string
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Json

END = "[DONE]"


class Decoder:
    """Events to chunks: one delta in, one chunk out."""

    def __init__(self) -> None:
        self._envelope: Json = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": ""}
        self._opened = self._finished = self._said = False
        self._starts: dict[int, int] = {}  # where in the whole text each block begins
        self._thoughts: set[int] = set()  # blocks of thinking
        self._length = self._cited = 0
        self._calls: list[bool] = []  # of each call: whether any argument has come
        self._places: dict[int, int] = {}  # the provider's index of a call -> ours

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        if self._finished or not item.data or item.data.strip() == END:
            return ()
        told = payload(item)
        kind = told.get("type") or item.name
        read = self.READERS.get(kind) if isinstance(kind, str) else None
        if read is None and "message" in told and "delta" not in told:
            raise repair.fault(told)  # an error answer where an event should be
        return read(self, told) if read is not None else ()

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _start(self, told: Json) -> list[ChatChunk]:
        self._envelope["id"] = string(told, "id")
        return self._open()

    def _open(self) -> list[ChatChunk]:
        if self._opened:
            return []
        self._opened = True
        return [self._choice({"role": "assistant", "content": ""})]

    def _content(self, told: Json) -> list[ChatChunk]:
        """The beginning of a block, or more of it."""
        index, content = repair.count(told, "index"), _inner(told, "content")
        if content.get("type") == "thinking" or "thinking" in content:
            self._thoughts.add(index)
        elif index not in self._starts:
            self._starts[index] = self._length
        if index in self._thoughts:
            return self._thought(string(content, "thinking") or string(content, "text"))
        words = string(content, "text")
        if not words:
            return []
        self._length += len(words)
        self._said = True
        chances = told.get("logprobs")
        extra: Json = {"logprobs": logprobs([chances])} if isinstance(chances, dict) else {}
        return self._chunk({"content": words}, extra)

    def _plan(self, told: Json) -> list[ChatChunk]:
        plan = _message(told).get("tool_plan")
        return self._thought(plan if isinstance(plan, str) else "")

    def _thought(self, words: str) -> list[ChatChunk]:
        if not words:
            return []
        self._said = True
        return self._chunk({"reasoning_content": words})

    def _call(self, told: Json) -> list[ChatChunk]:
        ours = len(self._calls)
        begun = call(_only(_message(told).get("tool_calls")), self._envelope["id"], ours)
        self._places[repair.count(told, "index")] = ours
        self._calls.append(bool(begun["function"]["arguments"]))
        return self._chunk({"tool_calls": [{"index": ours, **begun}]})

    def _arguments(self, told: Json) -> list[ChatChunk]:
        ours = self._places.get(repair.count(told, "index"))
        function = _only(_message(told).get("tool_calls")).get("function")
        part = repair.arguments_text(function.get("arguments")) if isinstance(function, dict) else ""
        if ours is None or not part:
            return []
        self._calls[ours] = True
        return self._chunk({"tool_calls": [{"index": ours, "function": {"arguments": part}}]})

    def _cite(self, told: Json) -> list[ChatChunk]:
        found = citations(_message(told).get("citations"), self._starts)
        if not found:
            return []
        first, self._cited = self._cited, self._cited + len(found)
        return self._chunk({"annotations": [{"index": first + i, **each} for i, each in enumerate(found)]})

    def _finish(self, told: Json) -> list[ChatChunk]:
        delta = _object(told.get("delta"))
        reason = finish_reason(
            delta.get("finish_reason"),
            called=bool(self._calls),
            said=self._said,
            error=delta.get("error"),
        )
        self._finished = True
        silent = [
            {"index": ours, "function": {"arguments": "{}"}}
            for ours, begun in enumerate(self._calls)
            if not begun
        ]
        chunks = self._chunk({"tool_calls": silent}) if silent else self._open()
        chunks.append(self._choice({}, {"finish_reason": reason}))
        counted = usage(delta.get("usage"))
        if counted is not None:
            chunks.append(cast(ChatChunk, {**self._envelope, "choices": [], "usage": counted}))
        return chunks

    def _chunk(self, delta: Json, extra: Json | None = None) -> list[ChatChunk]:
        chunk = self._choice(delta, extra)
        return [chunk] if self._opened else [*self._open(), chunk]

    def _choice(self, delta: Json, extra: Json | None = None) -> ChatChunk:
        choice = {"index": 0, "delta": delta, "finish_reason": None, **(extra or {})}
        return cast(ChatChunk, {**self._envelope, "choices": [choice]})

    READERS: ClassVar[Mapping[str, Callable[[Decoder, Json], list[ChatChunk]]]] = {
        "content-delta": _content,
        "content-start": _content,
        "message-start": _start,
        "tool-plan-delta": _plan,
        "tool-call-start": _call,
        "tool-call-delta": _arguments,
        "citation-start": _cite,
        "message-end": _finish,
    }


def _message(told: Json) -> Json:
    return _object(_object(told.get("delta")).get("message"))


def _inner(told: Json, name: str) -> Json:
    return _object(_message(told).get(name))


def _only(told: object) -> Json:
    """The one thing an event tells of, which some give as a list of one."""
    return _object(told[0] if isinstance(told, list) and told else told)


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
