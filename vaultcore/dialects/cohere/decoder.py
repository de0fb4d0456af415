"""Decodes Cohere's event stream: https://docs.cohere.com/v2/docs/streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from vaultcore.casts import cast
from vaultcore.dialects import repair
from vaultcore.dialects.chunks import ChunkWriter
from vaultcore.dialects.cohere.response import (
    parse_call,
    parse_citations,
    parse_finish_reason,
    parse_logprobs,
    parse_usage,
)
from vaultcore.dialects.json_fields import parse_event, string_field
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Json, ToolCall

if TYPE_CHECKING:
    from vaultcore.dialects.cohere.wire import CohereDelta, CohereEvent

END = "[DONE]"


class Decoder(ChunkWriter):
    """Decodes events into chunks, one chunk for each text delta."""

    def __init__(self) -> None:
        super().__init__()
        self._is_finished = self._has_output = False
        self._starts: dict[int, int] = {}  # content index -> offset in the whole text, in characters
        self._kinds: dict[int, str] = {}  # content index -> type of the part that began last
        self._thought: set[int] = set()  # content indexes with reasoning in a field of its own
        self._text_length = self._citation_count = 0
        self._has_arguments: list[bool] = []  # of each call
        self._positions: dict[int, int] = {}  # the provider's index of a call -> ours

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        if self._is_finished or not item.data or item.data.strip() == END:
            return ()
        event = parse_event(item)
        kind = event.get("type") or item.name
        read = self.READERS.get(kind) if isinstance(kind, str) else None
        if read is None and "message" in event and "delta" not in event:
            raise repair.stream_fault(event)  # an error response instead of an event
        return read(self, event) if read is not None else ()

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _start_message(self, event: CohereEvent) -> list[ChatChunk]:
        self._envelope["id"] = string_field(event, "id")
        return self._role_chunk()

    def _read_content(self, event: CohereEvent) -> list[ChatChunk]:
        """Read content-start and content-delta."""
        index, content = repair.read_count(event, "index"), _object(_message(event).get("content"))
        kind = string_field(content, "type") or ("thinking" if "thinking" in content else "")
        self._kinds[index] = kind or self._kinds.get(index, "text")
        text = string_field(content, "text")
        if self._kinds[index] == "thinking" and not (text and index in self._thought):
            if string_field(content, "thinking"):
                self._thought.add(index)
            return self._reasoning(string_field(content, "thinking") or text)
        self._starts.setdefault(index, self._text_length)
        if not text:
            return []
        self._text_length += len(text)
        self._has_output = True
        chunks = self._chunk({"content": text})
        if isinstance(logprobs := event.get("logprobs"), dict):
            chunks[-1]["choices"][0]["logprobs"] = parse_logprobs([logprobs])
        return chunks

    def _read_plan(self, event: CohereEvent) -> list[ChatChunk]:
        return self._reasoning(string_field(_message(event), "tool_plan"))

    def _reasoning(self, text: str) -> list[ChatChunk]:
        if not text:
            return []
        self._has_output = True
        return self._chunk({"reasoning_content": text})

    def _start_call(self, event: CohereEvent) -> list[ChatChunk]:
        position = len(self._has_arguments)
        call = parse_call(_single(_message(event).get("tool_calls")), self._envelope["id"], position)
        self._positions[repair.read_count(event, "index")] = position
        self._has_arguments.append(bool(call["function"]["arguments"]))
        return self._chunk({"tool_calls": [{"index": position, **call}]})

    def _read_arguments(self, event: CohereEvent) -> list[ChatChunk]:
        position = self._positions.get(repair.read_count(event, "index"))
        function = _single(_message(event).get("tool_calls")).get("function")
        fragment = repair.arguments_text(function.get("arguments")) if isinstance(function, dict) else ""
        if position is None or not fragment:
            return []
        self._has_arguments[position] = True
        return self._chunk({"tool_calls": [{"index": position, "function": {"arguments": fragment}}]})

    def _read_citations(self, event: CohereEvent) -> list[ChatChunk]:
        annotations = parse_citations(_message(event).get("citations"), self._starts)
        if not annotations:
            return []
        first, self._citation_count = self._citation_count, self._citation_count + len(annotations)
        numbered = [{"index": first + i, **annotation} for i, annotation in enumerate(annotations)]
        return self._chunk({"annotations": numbered})

    def _end_message(self, event: CohereEvent) -> list[ChatChunk]:
        delta = cast("CohereDelta", _object(event.get("delta")))
        reason = parse_finish_reason(
            delta.get("finish_reason"),
            has_calls=bool(self._has_arguments),
            has_output=self._has_output,
            error=delta.get("error"),
        )
        self._is_finished = True
        empty_calls: list[ToolCall] = [
            {"index": position, "function": {"arguments": "{}"}}
            for position, has_arguments in enumerate(self._has_arguments)
            if not has_arguments
        ]
        chunks = self._chunk({"tool_calls": empty_calls}) if empty_calls else self._role_chunk()
        chunks.append(self._choice({}, reason))
        if (usage := parse_usage(delta.get("usage"))) is not None:
            chunks.append(self._last_chunk(usage))
        return chunks

    # Event type -> reader. Callable[...] is the parse edge: the readers take the JSON object as typed data.
    READERS: ClassVar[Mapping[str, Callable[..., list[ChatChunk]]]] = {
        "content-delta": _read_content,
        "content-start": _read_content,
        "message-start": _start_message,
        "tool-plan-delta": _read_plan,
        "tool-call-start": _start_call,
        "tool-call-delta": _read_arguments,
        "citation-start": _read_citations,
        "message-end": _end_message,
    }


def _message(event: CohereEvent) -> Json:
    return _object(_object(event.get("delta")).get("message"))


def _single(value: object) -> Json:
    """Return the object of an event that contains one; some providers send a list of one."""
    return _object(value[0] if isinstance(value, list) and value else value)


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
