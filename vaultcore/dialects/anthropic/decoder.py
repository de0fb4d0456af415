"""A message's event stream as chunks: https://docs.claude.com/en/docs/build-with-claude/streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, cast

from vaultcore.dialects import repair
from vaultcore.dialects.anthropic.response import THOUGHTS, citations, finish_reason, tier, usage
from vaultcore.dialects.json_fields import an_object, dump, payload, string
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Json


@dataclass(slots=True)
class _Block:
    kind: str
    place: int = 0  # which call, or which thought, this is: our own count, not the block's index
    start: int = 0  # of text: where in the whole of it
    told: Json = field(default_factory=dict)
    written: bool = False  # some of it has come


class Decoder:
    """Events to chunks: one text delta in, one chunk out."""

    def __init__(self) -> None:
        self._envelope: Json = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": ""}
        self._opened = False
        self._reason: str | None = None
        self._usage: Json = {}
        self._counted = False  # the last usage has been told
        self._done = False  # some send more after the end
        self._blocks: dict[int, _Block] = {}
        self._calls = self._thoughts = self._cited = 0
        self._length = 0
        self._said = False

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        if self._done or not item.data:
            return ()
        told = payload(item)
        kind = told.get("type") or item.name
        read = self.READERS.get(kind) if isinstance(kind, str) else None
        return read(self, told) if read is not None else ()

    def close(self) -> Iterable[ChatChunk]:
        """The usage so far, where the last event that would have told it is missing."""
        return self._count() if self._reason is not None else ()

    def _delta(self, told: Json) -> list[ChatChunk]:
        block = self._blocks.get(_index(told))
        delta = told.get("delta")
        if block is None or not isinstance(delta, dict):
            return []
        match delta.get("type"), block.kind:
            case "text_delta", "text":
                return self._text(string(delta, "text"))
            case "input_json_delta", "tool_use":
                return self._arguments(block, string(delta, "partial_json"))
            case "thinking_delta", "thinking":
                return self._thinking(block, string(delta, "thinking"))
            case "signature_delta", "thinking":
                return self._thought(block, {"signature": string(delta, "signature")})
            case "citations_delta", "text":
                block.told.setdefault("citations", []).append(delta.get("citation"))
        return []

    def _text(self, words: str) -> list[ChatChunk]:
        if not words:
            return []
        self._said = True
        self._length += len(words)
        return self._chunk({"content": words})

    def _arguments(self, block: _Block, part: str) -> list[ChatChunk]:
        if not part:
            return []
        block.written = True
        return self._chunk({"tool_calls": [{"index": block.place, "function": {"arguments": part}}]})

    def _thinking(self, block: _Block, words: str) -> list[ChatChunk]:
        if not words:
            return []
        self._said = True
        return self._thought(block, {"thinking": words}, {"reasoning_content": words})

    def _thought(self, block: _Block, part: Json, beside: Json | None = None) -> list[ChatChunk]:
        """A fragment of a thinking block. The fragments of one index make up the block, for replay."""
        head: Json = {"index": block.place, "type": block.kind}
        if not block.written and block.kind == "thinking":
            part = {"thinking": "", **part}
        block.written = True
        return self._chunk({**(beside or {}), "thinking_blocks": [{**head, **part}]})

    def _start_message(self, told: Json) -> list[ChatChunk]:
        message = an_object(told.get("message"), "a message")
        self._envelope["id"] = str(message.get("id") or "")
        self._envelope["model"] = str(message.get("model") or "")
        self._merge(message.get("usage"))
        return self._open()

    def _open(self) -> list[ChatChunk]:
        if self._opened:
            return []
        self._opened = True
        chunk = self._choice({"role": "assistant", "content": ""}, None)
        if self._usage:
            chunk["usage"] = usage(self._usage)  # so that a stream that breaks can be accounted for
        return [cast(ChatChunk, chunk)]

    def _start_block(self, told: Json) -> list[ChatChunk]:
        begun = an_object(told.get("content_block"), "a block")
        kind = str(begun.get("type"))
        block = self._blocks[_index(told)] = _Block(kind)
        match kind:
            case "text":
                block.start = self._length
                return self._text(string(begun, "text"))
            case "tool_use":
                block.place, self._calls = self._calls, self._calls + 1
                block.told = begun.get("input") or {}
                call = {"index": block.place, "id": str(begun.get("id") or ""), "type": "function"}
                function = {"name": str(begun.get("name") or ""), "arguments": ""}
                return self._chunk({"tool_calls": [{**call, "function": function}]})
            case _ if kind in THOUGHTS:
                block.place, self._thoughts = self._thoughts, self._thoughts + 1
                return self._start_thought(block, begun)
        return []

    def _start_thought(self, block: _Block, begun: Json) -> list[ChatChunk]:
        if block.kind == "redacted_thinking":
            return self._thought(block, {"data": string(begun, "data")})
        chunks = self._thinking(block, string(begun, "thinking"))
        if signature := string(begun, "signature"):
            chunks += self._thought(block, {"signature": signature})
        return chunks

    def _stop_block(self, told: Json) -> list[ChatChunk]:
        block = self._blocks.pop(_index(told), None)
        if block is None:
            return []
        if block.kind == "tool_use" and not block.written:
            return self._arguments(block, dump(block.told))
        if block.kind == "text" and block.told.get("citations"):
            return self._cite(block)
        return []

    def _cite(self, block: _Block) -> list[ChatChunk]:
        words = " " * (self._length - block.start)  # only its length matters
        found = citations({"text": words, "citations": block.told["citations"]}, block.start)
        if not found:
            return []
        first, self._cited = self._cited, self._cited + len(found)
        return self._chunk({"annotations": [{"index": first + i, **each} for i, each in enumerate(found)]})

    def _message_delta(self, told: Json) -> list[ChatChunk]:
        self._merge(told.get("usage"))
        delta = told.get("delta")
        reason = delta.get("stop_reason") if isinstance(delta, dict) else None
        if reason is None or self._reason is not None:
            return []
        self._reason = str(reason)
        chunks = [chunk for index in list(self._blocks) for chunk in self._stop_block({"index": index})]
        finish = finish_reason(reason, called=bool(self._calls), said=self._said)
        return [*self._open(), *chunks, cast(ChatChunk, self._choice({}, finish))]

    def _stop(self, told: Json) -> list[ChatChunk]:  # noqa: ARG002 - one of the readers
        self._done = True
        return self._count()

    def _count(self) -> list[ChatChunk]:
        if self._counted or not self._usage:
            return []
        self._counted = True
        counted = {**self._envelope, "choices": [], "usage": usage(self._usage), **tier(self._usage)}
        return [cast(ChatChunk, counted)]

    def _error(self, told: Json) -> list[ChatChunk]:
        raise repair.fault(told.get("error") or told)

    def _merge(self, told: object) -> None:
        """Counts are of everything so far, and those that have not changed may be left out."""
        if isinstance(told, dict):
            self._usage.update({name: value for name, value in told.items() if value is not None})

    def _chunk(self, delta: Json) -> list[ChatChunk]:
        chunk = cast(ChatChunk, self._choice(delta, None))
        return [chunk] if self._opened else [*self._open(), chunk]

    def _choice(self, delta: Json, finish: str | None) -> Json:
        return {**self._envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    READERS: ClassVar[Mapping[str, Callable[[Decoder, Json], list[ChatChunk]]]] = {
        "content_block_delta": _delta,
        "content_block_start": _start_block,
        "content_block_stop": _stop_block,
        "message_start": _start_message,
        "message_delta": _message_delta,
        "message_stop": _stop,
        "error": _error,
    }


def _index(told: Json) -> int:
    index = told.get("index")
    return index if isinstance(index, int) else -1
