"""A Converse stream as chunks.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html. The usage comes after
the stop reason. A block of text or reasoning has no start event: its first delta starts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from vaultcore.dialects import ErrorDetail, StreamFault
from vaultcore.dialects.bedrock.response import (
    SERVER_TOOL,
    count_call,
    parse_citation,
    parse_service_tier,
    parse_stop_reason,
    parse_usage,
)
from vaultcore.dialects.chunks import ChunkWriter
from vaultcore.dialects.json_fields import parse_event, string_field
from vaultcore.dialects.provider_error import error_detail
from vaultcore.dialects.turn_order import position
from vaultcore.lazy_dataclass import dataclass
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Delta, FunctionCall, Json, ToolCall

if TYPE_CHECKING:
    from vaultcore.dialects.bedrock.wire import (
        ConverseCitation,
        ConverseEvent,
        ConverseReasoningDelta,
        ConverseToolUse,
    )

STATUSES: Mapping[str, int] = {  # exception of a stream, in lower case -> HTTP status
    "throttlingexception": 429,
    "modelnotreadyexception": 429,
    "servicequotaexceededexception": 429,
    "modelstreamerrorexception": 424,
    "modelerrorexception": 424,
    "modeltimeoutexception": 408,
    "serviceunavailableexception": 503,
    "internalserverexception": 500,
    "validationexception": 400,
    "accessdeniedexception": 403,
    "resourcenotfoundexception": 404,
}


@dataclass(slots=True)
class _ConversePart:
    """A content part that the stream has started and not yet ended."""

    kind: str
    index: int = 0  # of the tool call or the reasoning part; not the provider's content block index
    start: int = 0  # of a text part: its offset in the whole text
    has_output: bool = False


class Decoder(ChunkWriter):
    """Decodes events into chunks, one chunk for each delta."""

    def __init__(self) -> None:
        super().__init__()
        self._is_finished = self._has_output = False
        self._parts: dict[int, _ConversePart] = {}
        self._call_count = self._reasoning_count = self._citation_count = 0
        self._text_length = 0  # characters
        self._tool_uses: dict[str, int] = {}  # of Amazon's own tools

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        kind, colon, name = item.name.partition(":")
        if colon:
            raise _stream_fault(name, kind, parse_event(item))
        event = parse_event(item)
        read = self.READERS.get(item.name)
        return read(self, event) if read is not None else ()

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _start_message(self, event: ConverseEvent) -> list[ChatChunk]:  # noqa: ARG002 - every reader takes it
        return self._role_chunk()

    def _start_block(self, event: ConverseEvent) -> list[ChatChunk]:
        start = event.get("start")
        if not isinstance(start, dict) or not start:
            return []  # some models start a block of text so; its first delta shows its kind
        call = start.get("toolUse")
        if not isinstance(call, dict) or call.get("type") == SERVER_TOOL:
            self._parts[_index(event)] = _ConversePart("other")
            uses, self._tool_uses = self._tool_uses, count_call(call, self._tool_uses)
            return [self._last_chunk({"tool_uses": self._tool_uses})] if self._tool_uses != uses else []
        self._parts[_index(event)] = _ConversePart("call", self._call_count)
        head = _call_head(self._call_count, call)
        self._call_count += 1
        return self._chunk({"tool_calls": [head]})

    def _read_delta(self, event: ConverseEvent) -> list[ChatChunk]:
        index = _index(event)
        delta = event.get("delta") or {}
        match delta:
            case {"text": str(text)}:
                return self._text(index, text)
            case {"toolUse": dict()}:
                return self._arguments(index, string_field(delta["toolUse"], "input"))
            case {"reasoningContent": dict()}:
                return self._reasoning(index, delta["reasoningContent"])
            case {"citation": _}:
                return self._annotation(self._open_part(index, "text"), delta["citation"])
        return []

    def _text(self, index: int, text: str) -> list[ChatChunk]:
        part = self._open_part(index, "text")
        if not text or part.kind != "text":
            return []
        self._has_output = True
        self._text_length += len(text)
        return self._chunk({"content": text})

    def _arguments(self, index: int, fragment: str) -> list[ChatChunk]:
        part = self._parts.get(index)
        if not fragment or part is None or part.kind != "call":
            return []
        part.has_output = True
        return self._chunk({"tool_calls": [{"index": part.index, "function": {"arguments": fragment}}]})

    def _reasoning(self, index: int, fragment: ConverseReasoningDelta) -> list[ChatChunk]:
        """Return a fragment of a thinking block. Clients join the fragments of one index to send it back."""
        redacted = string_field(fragment, "redactedContent")
        part = self._open_part(index, "redacted_thinking" if redacted else "thinking")
        head: Json = {"index": part.index, "type": part.kind}
        if not part.has_output:
            head |= position(self._text_length, self._call_count)
        if redacted:
            part.has_output = True
            return self._chunk({"thinking_blocks": [{**head, "data": redacted}]})
        text, signature = string_field(fragment, "text"), string_field(fragment, "signature")
        if not (text or signature) or part.kind != "thinking":
            return []
        if text or not part.has_output:
            head["thinking"] = text
        if signature:
            head["signature"] = signature
        part.has_output = True
        self._has_output |= bool(text)
        delta: Delta = {"reasoning_content": text} if text else {}
        delta["thinking_blocks"] = [head]
        return self._chunk(delta)

    def _annotation(self, part: _ConversePart, citation: ConverseCitation) -> list[ChatChunk]:
        annotation = parse_citation(citation, part.start, self._text_length)
        if annotation is None:
            return []
        index, self._citation_count = self._citation_count, self._citation_count + 1
        return self._chunk({"annotations": [{"index": index, **annotation}]})

    def _open_part(self, index: int, kind: str) -> _ConversePart:
        """Return the part with that content block index; start it if no event has."""
        part = self._parts.get(index)
        if part is None:
            part = self._parts[index] = _ConversePart(kind, self._reasoning_count, self._text_length)
            self._reasoning_count += kind != "text"
        return part

    def _stop_block(self, event: ConverseEvent) -> list[ChatChunk]:
        part = self._parts.pop(_index(event), None)
        if part is None or part.kind != "call" or part.has_output:
            return []
        return self._chunk({"tool_calls": [{"index": part.index, "function": {"arguments": "{}"}}]})

    def _stop_message(self, event: ConverseEvent) -> list[ChatChunk]:
        if self._is_finished:
            return []
        finish_reason = parse_stop_reason(
            event.get("stopReason"), has_calls=bool(self._call_count), has_output=self._has_output
        )
        self._is_finished = True
        chunks = [
            chunk for index in list(self._parts) for chunk in self._stop_block({"contentBlockIndex": index})
        ]
        return [*self._role_chunk(), *chunks, self._choice({}, finish_reason)]

    def _read_metadata(self, event: ConverseEvent) -> list[ChatChunk]:
        usage = event.get("usage")
        if not isinstance(usage, dict):
            return []
        chunk = self._last_chunk(parse_usage(usage, self._tool_uses))
        if (tier := parse_service_tier(event.get("serviceTier"))) is not None:
            chunk["service_tier"] = tier
        return [chunk]

    # Event name -> reader. Callable[...] is the parse edge: the readers take the JSON object as typed data.
    READERS: ClassVar[Mapping[str, Callable[..., list[ChatChunk]]]] = {
        "contentBlockDelta": _read_delta,
        "contentBlockStart": _start_block,
        "contentBlockStop": _stop_block,
        "messageStart": _start_message,
        "messageStop": _stop_message,
        "metadata": _read_metadata,
    }


def _stream_fault(name: str, kind: str, error: Json) -> StreamFault:
    """Return the fault of an exception event. Its name stands for an HTTP status."""
    message = error_detail(error).message
    return StreamFault(ErrorDetail(message, name or kind), STATUSES.get(name.lower()))


def _call_head(index: int, tool_use: ConverseToolUse) -> ToolCall:
    function: FunctionCall = {"name": str(tool_use.get("name") or ""), "arguments": ""}
    return {
        "index": index,
        "id": str(tool_use.get("toolUseId") or ""),
        "type": "function",
        "function": function,
    }


def _index(event: ConverseEvent) -> int:
    index = event.get("contentBlockIndex")
    return index if isinstance(index, int) else -1
