"""Decodes the events of a response: https://platform.openai.com/docs/api-reference/responses-streaming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from vaultcore.casts import cast
from vaultcore.dialects import repair
from vaultcore.dialects.chunks import ChunkWriter
from vaultcore.dialects.json_fields import parse_event, require_object, string_field
from vaultcore.dialects.responses import response
from vaultcore.dialects.responses.reasoning import render_block
from vaultcore.dialects.responses.tool_uses import count_items, tool_item
from vaultcore.lazy_dataclass import dataclass
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Delta, Json

if TYPE_CHECKING:
    from vaultcore.dialects.responses.wire import ResponsesEvent, ResponsesOutputItem, ResponsesResponse


@dataclass(slots=True)
class _ItemState:
    """The state of one output item, from the stream so far."""

    call_index: int = 0  # of a call: our count, not the index in the output
    has_arguments: bool = False
    has_summary: bool = False
    summary_part: object = None  # the last part of the summary


class Decoder(ChunkWriter):
    """Decodes events into chunks, one chunk for each text delta."""

    def __init__(self) -> None:
        super().__init__()
        self.is_done = False  # the last event has arrived
        self._items: dict[int, _ItemState] = {}  # by index in the output
        self._call_count = self._block_count = self._citation_count = 0
        self._text_length = self._part_start = 0  # characters: of the whole text, before its last part
        self._has_reasoning = False
        self._tools: object = None  # of the request
        self._tool_items: list[Json] = []  # uses of the provider's own tools

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        if self.is_done or not item.data or item.data == "[DONE]":
            return ()
        event = parse_event(item)
        kind = event.get("type") or item.name
        read = self.READERS.get(kind) if isinstance(kind, str) else None
        return read(self, event) if read is not None else ()

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _start_response(self, event: ResponsesEvent) -> list[ChatChunk]:
        whole = require_object(event.get("response"), "a response")
        self._envelope["id"] = string_field(whole, "id")
        self._envelope["model"] = string_field(whole, "model")
        self._envelope["created"] = repair.parse_timestamp(whole.get("created_at"))
        self._tools = whole.get("tools")
        return self._role_chunk()

    def _read_text(self, event: ResponsesEvent) -> list[ChatChunk]:
        text = string_field(event, "delta")
        self._text_length += len(text)
        chunks = self._chunk({"content": text}) if text else []
        if chunks and (logprobs := response.parse_logprobs(event.get("logprobs"))):
            chunks[-1]["choices"][0]["logprobs"] = logprobs
        return chunks

    def _read_refusal(self, event: ResponsesEvent) -> list[ChatChunk]:
        text = string_field(event, "delta")
        return self._chunk({"refusal": text}) if text else []

    def _read_summary(self, event: ResponsesEvent) -> list[ChatChunk]:
        part = (event.get("item_id"), event.get("summary_index", event.get("content_index")))
        return self._reasoning_text(event, part)

    def _read_reasoning(self, event: ResponsesEvent) -> list[ChatChunk]:
        """Read the reasoning itself, which some providers send instead of a summary."""
        return self._reasoning_text(event, (event.get("item_id"), event.get("content_index")))

    def _reasoning_text(self, event: ResponsesEvent, part: object) -> list[ChatChunk]:
        text, item = string_field(event, "delta"), self._item(event)
        if not text:
            return []
        if self._has_reasoning and part != item.summary_part:
            text = response.SUMMARY_SEPARATOR + text
        item.summary_part, item.has_summary, self._has_reasoning = part, True, True
        return self._chunk({"reasoning_content": text})

    def _read_arguments(self, event: ResponsesEvent) -> list[ChatChunk]:
        return self._arguments(event, string_field(event, "delta"))

    def _arguments(self, event: ResponsesEvent, fragment: str) -> list[ChatChunk]:
        item = self._items.get(_output_index(event))
        if item is None or not fragment:
            return []
        item.has_arguments = True
        return self._chunk({"tool_calls": [{"index": item.call_index, "function": {"arguments": fragment}}]})

    def _start_part(self, event: ResponsesEvent) -> list[ChatChunk]:  # noqa: ARG002 - every reader takes it
        self._part_start = self._text_length
        return []

    def _read_annotation(self, event: ResponsesEvent) -> list[ChatChunk]:
        citation = response.parse_citation(event.get("annotation"), self._part_start)
        if citation is None:
            return []
        self._citation_count += 1
        return self._chunk({"annotations": [{"index": self._citation_count - 1, **citation}]})

    def _start_item(self, event: ResponsesEvent) -> list[ChatChunk]:
        source = cast("ResponsesOutputItem", require_object(event.get("item"), "an item"))
        item = self._items[_output_index(event)] = _ItemState()
        if source.get("type") not in response.CALLS:
            return []
        item.call_index, self._call_count = self._call_count, self._call_count + 1
        if source["type"] == "custom_tool_call":
            return []  # written as a whole when it is complete
        call = response.parse_call({**source, "arguments": ""})
        call["function"]["arguments"] = ""
        return self._chunk({"tool_calls": [{"index": item.call_index, **call}]})

    def _end_item(self, event: ResponsesEvent) -> list[ChatChunk]:
        source = cast("ResponsesOutputItem", require_object(event.get("item"), "an item"))
        kind = source.get("type")
        if _output_index(event) not in self._items:
            self._start_item(event)  # some providers send the end of an item only
            if kind == "function_call":
                return self._whole_call(event, source)
        item = self._item(event)
        if kind == "custom_tool_call":
            return self._whole_call(event, source)
        if kind == "function_call" and not item.has_arguments:
            return self._arguments(event, string_field(source, "arguments") or "{}")
        if (use := tool_item(source)) is not None:
            self._tool_items.append(use)
            return [self._last_chunk({"tool_uses": count_items(self._tool_items, self._tools)})]
        return self._end_reasoning(item, source) if kind == "reasoning" else []

    def _whole_call(self, event: ResponsesEvent, source: ResponsesOutputItem) -> list[ChatChunk]:
        item = self._item(event)
        item.has_arguments = True
        return self._chunk({"tool_calls": [{"index": item.call_index, **response.parse_call(source)}]})

    def _end_reasoning(self, item: _ItemState, source: ResponsesOutputItem) -> list[ChatChunk]:
        texts = [] if item.has_summary else [text for text in response.parse_reasoning(source) if text]
        delta: Delta = {}
        if texts:
            head = response.SUMMARY_SEPARATOR if self._has_reasoning else ""
            delta["reasoning_content"] = head + response.SUMMARY_SEPARATOR.join(texts)
            self._has_reasoning = True
        if source.get("encrypted_content"):
            block = render_block(source, model=self._envelope["model"])
            delta["thinking_blocks"] = [{"index": self._block_count, **block}]
            self._block_count += 1
        return self._chunk(delta) if delta else []

    def _end_response(self, event: ResponsesEvent) -> list[ChatChunk]:
        whole = cast("ResponsesResponse", require_object(event.get("response"), "a response"))
        self.is_done = True
        reason = response.parse_finish_reason(whole, has_calls=bool(self._call_count))
        chunks = [*self._role_chunk(), self._choice({}, reason)]
        if usage := response.response_usage(whole, self._tool_items):
            last = {**self._last_chunk(usage), **response.parse_service_tier(whole)}
            chunks.append(cast(ChatChunk, last))
        return chunks

    def _raise_failure(self, event: ResponsesEvent) -> list[ChatChunk]:
        whole = require_object(event.get("response"), "a response")
        raise response.response_fault(cast("ResponsesResponse", whole))

    def _raise_error(self, event: ResponsesEvent) -> list[ChatChunk]:
        fields: Json = {name: value for name, value in event.items() if name != "type"}
        raise repair.stream_fault(fields)

    def _item(self, event: ResponsesEvent) -> _ItemState:
        return self._items.setdefault(_output_index(event), _ItemState())

    # Event type -> reader. Callable[...] is the parse edge: the readers take the JSON object as typed data.
    READERS: ClassVar[Mapping[str, Callable[..., list[ChatChunk]]]] = {
        "response.output_text.delta": _read_text,
        "response.refusal.delta": _read_refusal,
        "response.reasoning_summary_text.delta": _read_summary,
        "response.reasoning_text.delta": _read_reasoning,
        "response.function_call_arguments.delta": _read_arguments,
        "response.output_item.added": _start_item,
        "response.output_item.done": _end_item,
        "response.content_part.added": _start_part,
        "response.output_text.annotation.added": _read_annotation,
        "response.created": _start_response,
        "response.completed": _end_response,
        "response.incomplete": _end_response,
        "response.failed": _raise_failure,
        "error": _raise_error,
    }


def _output_index(event: ResponsesEvent) -> int:
    """Return the index of the item in the output; 0 if the event does not name one."""
    index = event.get("output_index")
    return index if isinstance(index, int) else 0
