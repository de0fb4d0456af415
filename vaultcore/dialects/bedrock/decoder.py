"""A Converse stream as chunks.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html. The usage comes after
the reason to stop; a block of text or reasoning begins with its first delta, without a start of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

from vaultcore.dialects import ErrorDetail, StreamFault
from vaultcore.dialects.bedrock.response import OWN_TOOL, annotation, finish_reason, service_tier, usage
from vaultcore.dialects.json_fields import an_object, payload, string
from vaultcore.dialects.provider_error import detail
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Json

STATUSES: Mapping[str, int] = {  # of what can go wrong in a stream, in lower case
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
class _Block:
    kind: str
    place: int = 0  # which call, or which thought, this is: our own count, not the block's index
    start: int = 0  # of text: where in the whole of it
    written: bool = False  # some of it has come


class Decoder:
    """Events to chunks: one delta in, one chunk out."""

    def __init__(self) -> None:
        self._envelope: Json = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": ""}
        self._opened = self._finished = self._said = False
        self._blocks: dict[int, _Block] = {}
        self._calls = self._thoughts = self._cited = self._length = 0

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        kind, colon, name = item.name.partition(":")
        if colon:
            raise _fault(name, kind, payload(item))
        told = payload(item)
        read = self.READERS.get(item.name)
        return read(self, told) if read is not None else ()

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _start_message(self, told: Json) -> list[ChatChunk]:  # noqa: ARG002 - one of the readers
        return self._open()

    def _start_block(self, told: Json) -> list[ChatChunk]:
        match told.get("start"):
            case {"toolUse": dict() as call} if call.get("type") != OWN_TOOL:
                self._blocks[_index(told)] = _Block("call", self._calls)
                head = {"index": self._calls, "id": str(call.get("toolUseId") or ""), "type": "function"}
                self._calls += 1
                function = {"name": str(call.get("name") or ""), "arguments": ""}
                return self._chunk({"tool_calls": [{**head, "function": function}]})
            case dict():
                self._blocks[_index(told)] = _Block("other")
        return []

    def _delta(self, told: Json) -> list[ChatChunk]:
        index = _index(told)
        match told.get("delta"):
            case {"text": str(words)}:
                return self._text(index, words)
            case {"toolUse": dict() as part}:
                return self._arguments(index, string(part, "input"))
            case {"reasoningContent": dict() as part}:
                return self._reasoning(index, part)
            case {"citation": cited}:
                return self._cite(self._block(index, "text"), cited)
        return []

    def _text(self, index: int, words: str) -> list[ChatChunk]:
        block = self._block(index, "text")
        if not words or block.kind != "text":
            return []
        self._said = True
        self._length += len(words)
        return self._chunk({"content": words})

    def _arguments(self, index: int, part: str) -> list[ChatChunk]:
        block = self._blocks.get(index)
        if not part or block is None or block.kind != "call":
            return []
        block.written = True
        return self._chunk({"tool_calls": [{"index": block.place, "function": {"arguments": part}}]})

    def _reasoning(self, index: int, part: Json) -> list[ChatChunk]:
        """A fragment of reasoning. The fragments of one index make up the block, for replay."""
        redacted = string(part, "redactedContent")
        block = self._block(index, "redacted_thinking" if redacted else "thinking")
        head: Json = {"index": block.place, "type": block.kind}
        if redacted:
            return self._chunk({"thinking_blocks": [{**head, "data": redacted}]})
        words, signature = string(part, "text"), string(part, "signature")
        if not (words or signature) or block.kind != "thinking":
            return []
        thought = {"thinking": words} if words or not block.written else {}
        thought |= {"signature": signature} if signature else {}
        block.written = True
        self._said |= bool(words)
        beside: Json = {"reasoning_content": words} if words else {}
        return self._chunk({**beside, "thinking_blocks": [{**head, **thought}]})

    def _cite(self, block: _Block, told: object) -> list[ChatChunk]:
        cited = annotation(told, block.start, self._length)
        if cited is None:
            return []
        place, self._cited = self._cited, self._cited + 1
        return self._chunk({"annotations": [{"index": place, **cited}]})

    def _block(self, index: int, kind: str) -> _Block:
        """The block of that index, begun by this delta where nothing else has."""
        block = self._blocks.get(index)
        if block is None:
            block = self._blocks[index] = _Block(kind, self._thoughts, self._length)
            self._thoughts += kind != "text"
        return block

    def _stop_block(self, told: Json) -> list[ChatChunk]:
        block = self._blocks.pop(_index(told), None)
        if block is None or block.kind != "call" or block.written:
            return []
        return self._chunk({"tool_calls": [{"index": block.place, "function": {"arguments": "{}"}}]})

    def _stop_message(self, told: Json) -> list[ChatChunk]:
        if self._finished:
            return []
        finish = finish_reason(told.get("stopReason"), called=bool(self._calls), said=self._said)
        self._finished = True
        chunks = [
            chunk for index in list(self._blocks) for chunk in self._stop_block({"contentBlockIndex": index})
        ]
        return [*self._open(), *chunks, cast(ChatChunk, self._choice({}, finish))]

    def _count(self, told: Json) -> list[ChatChunk]:
        if not isinstance(told.get("usage"), dict):
            return []
        counted: Json = {**self._envelope, "choices": [], "usage": usage(told["usage"])}
        if (tier := service_tier(told)) is not None:
            counted["service_tier"] = tier
        return [cast(ChatChunk, counted)]

    def _open(self) -> list[ChatChunk]:
        if self._opened:
            return []
        self._opened = True
        return [cast(ChatChunk, self._choice({"role": "assistant", "content": ""}, None))]

    def _chunk(self, delta: Json) -> list[ChatChunk]:
        chunk = cast(ChatChunk, self._choice(delta, None))
        return [chunk] if self._opened else [*self._open(), chunk]

    def _choice(self, delta: Json, finish: str | None) -> Json:
        return {**self._envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    READERS: ClassVar[Mapping[str, Callable[[Decoder, Json], list[ChatChunk]]]] = {
        "contentBlockDelta": _delta,
        "contentBlockStart": _start_block,
        "contentBlockStop": _stop_block,
        "messageStart": _start_message,
        "messageStop": _stop_message,
        "metadata": _count,
    }


def _fault(name: str, kind: str, told: Json) -> StreamFault:
    """An exception inside the stream, by its name: it stands in the place of a status."""
    message = detail(told).message
    return StreamFault(ErrorDetail(message, name or kind), STATUSES.get(name.lower()))


def _index(told: Json) -> int:
    index = an_object(told, "an event").get("contentBlockIndex")
    return index if isinstance(index, int) else -1
