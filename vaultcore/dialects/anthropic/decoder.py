"""An Anthropic event stream as chunks: https://docs.claude.com/en/docs/build-with-claude/streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, ClassVar

from vaultcore.casts import cast
from vaultcore.dialects import repair
from vaultcore.dialects.anthropic.response import (
    parse_citations,
    parse_explanation,
    parse_service_tier,
    parse_stop_reason,
    parse_usage,
)
from vaultcore.dialects.anthropic.tool_uses import count_call
from vaultcore.dialects.chunks import ChunkWriter
from vaultcore.dialects.json_fields import dump, parse_event, require_object, string_field
from vaultcore.dialects.turn_order import position
from vaultcore.dialects.usage_counts import with_tool_uses
from vaultcore.lazy_dataclass import dataclass
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Delta, FunctionCall, Json, ToolCall, Usage

if TYPE_CHECKING:
    from vaultcore.dialects.anthropic.wire import (
        AnthropicBlock,
        AnthropicCitation,
        AnthropicEvent,
        AnthropicResponse,
        AnthropicUsage,
    )


@dataclass(slots=True)
class _AnthropicPart:
    """A content part that the stream has started and not yet ended."""

    kind: str
    index: int = 0  # of the tool call or the reasoning part; not the provider's content block index
    start: int = 0  # of a text part: its offset in the whole text
    input: object = None  # of a tool call: the arguments that its first event contains
    citations: list[AnthropicCitation] = field(default_factory=list)
    has_output: bool = False


class Decoder(ChunkWriter):
    """Decodes events into chunks, one chunk for each text delta."""

    def __init__(self) -> None:
        super().__init__()
        self._stop_reason: str | None = None
        self._usage: AnthropicUsage = {}
        self._has_usage = False  # the chunk with the final usage is out
        self.is_done = False  # the last event has arrived; some providers send more after it
        self._parts: dict[int, _AnthropicPart] = {}
        self._call_count = self._reasoning_count = self._citation_count = 0
        self._text_length = 0  # characters
        self._has_output = False
        self._tool_uses: dict[str, int] = {}  # of server tools, by the blocks that call them

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        if self.is_done or not item.data:
            return ()
        event = parse_event(item)
        kind = event.get("type") or item.name
        read = self.READERS.get(kind) if isinstance(kind, str) else None
        return read(self, event) if read is not None else ()

    def close(self) -> Iterable[ChatChunk]:
        """Return the usage so far if the stream ends without its last event."""
        return self._usage_chunk() if self._stop_reason is not None else ()

    def _read_delta(self, event: AnthropicEvent) -> list[ChatChunk]:
        part = self._parts.get(_index(event))
        delta = event.get("delta")
        if part is None or not isinstance(delta, dict):
            return []
        if part.kind == "text" and delta.get("type") == "text_delta":  # nearly every event
            return self._text(string_field(delta, "text"))
        match delta.get("type"), part.kind:
            case "input_json_delta", "tool_use":
                return self._arguments(part, string_field(delta, "partial_json"))
            case "thinking_delta", "thinking":
                return self._reasoning_text(part, string_field(delta, "thinking"))
            case "signature_delta", "thinking":
                return self._reasoning(part, {"signature": string_field(delta, "signature")})
            case "citations_delta", "text" if "citation" in delta:
                part.citations.append(delta["citation"])
        return []

    def _text(self, text: str) -> list[ChatChunk]:
        if not text:
            return []
        self._has_output = True
        self._text_length += len(text)
        return self._chunk({"content": text})

    def _arguments(self, part: _AnthropicPart, fragment: str) -> list[ChatChunk]:
        if not fragment:
            return []
        part.has_output = True
        return self._chunk({"tool_calls": [{"index": part.index, "function": {"arguments": fragment}}]})

    def _reasoning_text(self, part: _AnthropicPart, text: str) -> list[ChatChunk]:
        if not text:
            return []
        self._has_output = True
        return self._reasoning(part, {"thinking": text}, {"reasoning_content": text})

    def _reasoning(self, part: _AnthropicPart, fragment: Json, delta: Delta | None = None) -> list[ChatChunk]:
        """Return a fragment of a thinking block. Clients join the fragments of one index to send it back."""
        head: Json = {"index": part.index, "type": part.kind}
        if not part.has_output:
            head |= position(self._text_length, self._call_count)
        if not part.has_output and part.kind == "thinking":
            fragment = {"thinking": "", **fragment}
        part.has_output = True
        return self._chunk({**(delta or {}), "thinking_blocks": [{**head, **fragment}]})

    def _start_message(self, event: AnthropicEvent) -> list[ChatChunk]:
        message = cast("AnthropicResponse", require_object(event.get("message"), "a message"))
        self._envelope["id"] = str(message.get("id") or "")
        self._envelope["model"] = str(message.get("model") or "")
        self._merge_usage(message.get("usage"))
        return self._role_chunk()

    def _role_chunk(self) -> list[ChatChunk]:
        chunks = super()._role_chunk()
        if chunks and self._usage:
            chunks[0]["usage"] = parse_usage(self._usage)  # so that a stream that breaks off can be billed
        return chunks

    def _start_block(self, event: AnthropicEvent) -> list[ChatChunk]:
        block = cast("AnthropicBlock", require_object(event.get("content_block"), "a content block"))
        part = self._parts[_index(event)] = _AnthropicPart(str(block.get("type")))
        match block:
            case {"type": "text"}:
                part.start = self._text_length
                return self._text(string_field(block, "text"))
            case {"type": "tool_use"}:
                part.index, self._call_count = self._call_count, self._call_count + 1
                part.input = block.get("input") or {}
                return self._chunk({"tool_calls": [_call_head(part.index, block)]})
            case {"type": "thinking" | "redacted_thinking"}:
                part.index, self._reasoning_count = self._reasoning_count, self._reasoning_count + 1
                return self._start_reasoning(part, block)
            case {"type": "server_tool_use"}:
                self._tool_uses = count_call(block, self._tool_uses)
                return [self._last_chunk(self._usage_so_far())]
        return []

    def _usage_so_far(self) -> Usage:
        """Return the usage; its last event has not arrived, so that tools are counted by their blocks."""
        usage = parse_usage(self._usage, self._tool_uses) if self._usage else {}
        return with_tool_uses(usage, {**usage.get("tool_uses", {}), **self._tool_uses})

    def _start_reasoning(self, part: _AnthropicPart, block: AnthropicBlock) -> list[ChatChunk]:
        if part.kind == "redacted_thinking":
            return self._reasoning(part, {"data": string_field(block, "data")})
        chunks = self._reasoning_text(part, string_field(block, "thinking"))
        if signature := string_field(block, "signature"):
            chunks += self._reasoning(part, {"signature": signature})
        return chunks

    def _stop_block(self, event: AnthropicEvent) -> list[ChatChunk]:
        part = self._parts.pop(_index(event), None)
        if part is None:
            return []
        if part.kind == "tool_use" and not part.has_output:
            return self._arguments(part, dump(part.input))
        if part.kind == "text" and part.citations:
            return self._annotations(part)
        return []

    def _annotations(self, part: _AnthropicPart) -> list[ChatChunk]:
        text = " " * (self._text_length - part.start)  # only its length matters
        annotations = parse_citations({"text": text, "citations": part.citations}, part.start)
        if not annotations:
            return []
        first, self._citation_count = self._citation_count, self._citation_count + len(annotations)
        numbered = [{"index": first + i, **annotation} for i, annotation in enumerate(annotations)]
        return self._chunk({"annotations": numbered})

    def _read_message_delta(self, event: AnthropicEvent) -> list[ChatChunk]:
        self._merge_usage(event.get("usage"))
        delta = event.get("delta")
        reason = delta.get("stop_reason") if isinstance(delta, dict) else None
        if reason is None or self._stop_reason is not None:
            return []
        self._stop_reason = str(reason)
        chunks = [chunk for index in list(self._parts) for chunk in self._stop_block({"index": index})]
        finish_reason = parse_stop_reason(
            reason, has_calls=bool(self._call_count), has_output=self._has_output
        )
        explanation = parse_explanation(delta)
        last = self._choice({"refusal": explanation} if explanation else {}, finish_reason)
        if self._usage and isinstance(event.get("usage"), dict):  # the client may go before the last event
            last["usage"] = parse_usage(self._usage, self._tool_uses)
        return [*self._role_chunk(), *chunks, last]

    def _stop_message(self, event: AnthropicEvent) -> list[ChatChunk]:  # noqa: ARG002 - every reader takes it
        self.is_done = True
        return self._usage_chunk()

    def _usage_chunk(self) -> list[ChatChunk]:
        if self._has_usage or not self._usage:
            return []
        self._has_usage = True
        usage, tier = parse_usage(self._usage, self._tool_uses), parse_service_tier(self._usage)
        return [cast(ChatChunk, {**self._last_chunk(usage), **tier})]

    def _raise_error(self, event: AnthropicEvent) -> list[ChatChunk]:
        raise repair.stream_fault(event)

    def _merge_usage(self, usage: AnthropicUsage | None) -> None:
        """Replace the counts that the event contains: each is the total so far, and events omit some."""
        if isinstance(usage, dict):
            for name, count in usage.items():
                if count is not None:
                    self._usage[name] = count  # type: ignore[literal-required]  # any field of the provider

    # Event type -> reader. Callable[...] is the parse edge: the readers take the JSON object as typed data.
    READERS: ClassVar[Mapping[str, Callable[..., list[ChatChunk]]]] = {
        "content_block_delta": _read_delta,
        "content_block_start": _start_block,
        "content_block_stop": _stop_block,
        "message_start": _start_message,
        "message_delta": _read_message_delta,
        "message_stop": _stop_message,
        "error": _raise_error,
    }


def _call_head(index: int, block: AnthropicBlock) -> ToolCall:
    function: FunctionCall = {"name": str(block.get("name") or ""), "arguments": ""}
    return {"index": index, "id": str(block.get("id") or ""), "type": "function", "function": function}


def _index(event: AnthropicEvent) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else -1
