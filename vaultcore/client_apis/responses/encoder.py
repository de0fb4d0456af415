"""Encodes chunks as response events: https://platform.openai.com/docs/api-reference/responses-streaming.

Output items are sent one after the other: a message or a reasoning item is done when another item begins.
Tool calls are done at the end of the stream, because fragments of several calls may alternate.
"""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.casts import cast
from vaultcore.client_apis import ForwardedStream
from vaultcore.client_apis.json_text import dump
from vaultcore.client_apis.responses.cut_stream import cut_events
from vaultcore.client_apis.responses.request_fields import RequestFields
from vaultcore.client_apis.responses.response import render_logprob
from vaultcore.client_apis.responses.response_object import complete_response, start_response
from vaultcore.client_apis.responses.stream_failure import error_event, fail_response, next_sequence_number
from vaultcore.client_apis.responses.streaming_items import (
    ItemUpdate,
    StreamingCompaction,
    StreamingItem,
    StreamingMessage,
    StreamingReasoning,
    StreamingToolCall,
)
from vaultcore.client_apis.responses.tool_items import find_tool
from vaultcore.errors import GatewayError
from vaultcore.opaque_state.compaction import is_compaction
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatRequest, Delta, FinishReason, Json, Usage


class Encoder:
    """Turns the chunks of one completion into events. Sequence numbers start at 0 and increase by one."""

    def __init__(self, request: ChatRequest) -> None:
        fields = request if isinstance(request, RequestFields) else RequestFields(request)
        self._body, self._box = fields.body, fields.box
        self._sequence_number = 0
        self._response: Json = {}
        self._completion_id = ""
        self._items: list[StreamingItem] = []
        self._open_item: StreamingItem | None = None  # the message or reasoning item that receives text
        self._calls: dict[int, StreamingToolCall] = {}
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        events = [] if self._response else self._begin(item)
        self._usage = item.get("usage") or self._usage
        if tier := cast(Json, item).get("service_tier"):
            self._response["service_tier"] = tier
        for choice in item.get("choices") or ():
            if choice["index"] == 0:
                logprobs = (cast(Json, choice).get("logprobs") or {}).get("content") or ()
                events += self._add_delta(choice["delta"], [render_logprob(each) for each in logprobs])
                self._reason = choice["finish_reason"] or self._reason
        return events

    def close(self) -> Iterable[Event]:
        if not self._response:
            return ()
        events = [] if self._items else self._open(StreamingMessage)  # a response has at least one item
        events += self._close_item()
        cut = self._reason == "length"
        for call in self._calls.values():
            events += self._events(call.close(cut=cut))
        items = [item.rendered for item in self._items]
        response = complete_response(self._response, items, self._reason, self._usage)
        kind = "response.completed" if response["status"] == "completed" else "response.incomplete"
        return [*events, self._event({"type": kind, "response": response})]

    def fail(self, error: GatewayError, after: Event | None) -> Iterable[Event]:
        """Return the event that ends a failed stream.

        `after` is the last event that was passed through unchanged. The encoder has not seen those events.
        """
        if not self._response:
            return (error_event(error, number=next_sequence_number(after)),)
        output = [item.rendered for item in self._items if item.is_closed]
        response = {**fail_response(self._response, error), "output": output}
        return (self._event({"type": "response.failed", "response": response}),)

    def cut(self, last: ChatChunk, stream: ForwardedStream) -> Iterable[Event]:
        """Return the events that end a stream which was forwarded so far."""
        return cut_events(last, stream)

    def _begin(self, chunk: ChatChunk) -> list[Event]:
        self._completion_id = chunk.get("id", "")
        self._response = start_response(
            self._body,
            completion_id=self._completion_id,
            created=chunk.get("created", 0),
            model=chunk.get("model", ""),
        )
        kinds = ("response.created", "response.in_progress")
        return [self._event({"type": kind, "response": self._response}) for kind in kinds]

    def _add_delta(self, delta: Delta, logprobs: list[Json]) -> list[Event]:
        events: list[Event] = []
        fields = cast(Json, delta)
        reasoning, blocks = fields.get("reasoning_content"), fields.get("thinking_blocks")
        if blocks and is_compaction(blocks[0]):
            return self._add_compaction(blocks[0])
        if reasoning or blocks:
            events += self._open(StreamingReasoning)
            events += self._update(lambda item: item.add_reasoning(reasoning or "", blocks or ()))
        if fields.get("content"):
            events += self._open(StreamingMessage)
            events += self._update(lambda item: item.add_text(fields["content"], logprobs))
        if fields.get("refusal"):
            events += self._open(StreamingMessage)
            events += self._update(lambda item: item.add_refusal(fields["refusal"]))
        if fields.get("annotations") and isinstance(self._open_item, StreamingMessage):
            events += self._update(lambda item: item.add_annotations(fields["annotations"]))
        for fragment in fields.get("tool_calls") or ():
            events += self._add_call(fragment)
        return events

    def _add_compaction(self, block: Json) -> list[Event]:
        item = StreamingCompaction(self._completion_id, len(self._items), block)
        self._items.append(item)
        return [*self._events(item.open()), *self._events(item.close(cut=False))]

    def _open(self, kind: type[StreamingItem]) -> list[Event]:
        """Begin an item of that kind, unless one is open."""
        if isinstance(self._open_item, kind):
            return []
        events = self._close_item()
        self._open_item = kind(self._completion_id, len(self._items))
        self._items.append(self._open_item)
        return [*events, *self._events(self._open_item.open())]

    def _update(self, update: ItemUpdate) -> list[Event]:
        return self._events(update(self._open_item)) if self._open_item is not None else []

    def _close_item(self) -> list[Event]:
        item, self._open_item = self._open_item, None
        return self._events(item.close(cut=self._reason == "length")) if item is not None else []

    def _add_call(self, fragment: Json) -> list[Event]:
        events = self._close_item()
        index = fragment.get("index", 0)
        call = self._calls.get(index)
        if call is None:
            tool = find_tool(fragment, self._box)
            call = StreamingToolCall(self._completion_id, len(self._items), fragment, tool)
            self._calls[index] = call
            self._items.append(call)
            events += self._events(call.open())
        return [*events, *self._events(call.feed(fragment))]

    def _events(self, payloads: Iterable[Json]) -> list[Event]:
        return [self._event(payload) for payload in payloads]

    def _event(self, payload: Json) -> Event:
        number, self._sequence_number = self._sequence_number, self._sequence_number + 1
        return Event(dump({**payload, "sequence_number": number}), payload["type"])
