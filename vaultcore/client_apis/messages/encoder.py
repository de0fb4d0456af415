"""Encodes chunks as the event stream of a message: https://docs.claude.com/en/docs/build-with-claude/streaming.

One content block is open at a time, in the order in which the blocks began. A text or thinking block ends
when another block begins. A tool call ends when its arguments are complete. Deltas of other calls wait until
then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import field

from vaultcore.casts import cast
from vaultcore.client_apis import ForwardedStream
from vaultcore.client_apis.json_text import dump
from vaultcore.client_apis.messages.opaque_state import (
    is_anthropic_block,
    message_state,
    pack,
)
from vaultcore.client_apis.messages.response import (
    COMPACTION,
    compaction_usage,
    context_fields,
    parse_tool_input,
    render_envelope,
    render_stop,
    render_usage,
)
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.carriers import merge, opaque_fields
from vaultcore.streams.sse import Event
from vaultcore.usage.token_estimate import estimate_request, estimate_tokens
from vaultcore.wire import ChatChunk, ChatRequest, Json, Usage

PING = Event('{"type":"ping"}', "ping")
TEXT, REASONING = "text", "reasoning"  # keys of blocks that can begin again; other keys contain an index


@dataclass(slots=True)
class _StreamingBlock:
    """A content block of the stream that has not ended."""

    key: str
    start: Json  # the content_block of content_block_start
    waiting: list[Json] = field(default_factory=list)  # deltas that cannot be sent yet
    arguments: str = ""  # of a tool call, as far as received
    signature: str = ""

    @property
    def can_end(self) -> bool:
        """Return True if the block can end because another one begins."""
        return self.start["type"] != "tool_use" or _is_complete(self.arguments)

    @property
    def can_stream(self) -> bool:
        """Return True if deltas can be sent at once.

        Arguments that are not a JSON object are repaired first.
        """
        return self.arguments.lstrip()[:1] in {"", "{"}


class Encoder:
    """Turns chunks into events. `close` sends the stop reason and the usage."""

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._blocks: list[_StreamingBlock] = []  # the first one is open, the others wait
        self._closed_keys: set[str] = set()
        self._is_block_open = False
        self._has_begun = False
        self._index = 0
        self._choice: Json = {}  # the one with a finish_reason
        self._usage: Usage | None = None
        self._output_tokens = 0  # an estimate
        self._state: Json = {}
        self._refusal = ""
        self._context: Json = {}  # context_management of the message_delta
        self._summed: Json = {}  # the last chunk with `compaction_usage`

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        events = [] if self._has_begun else self._begin(item)
        if usage := item.get("usage"):
            self._usage = usage
        self._context = context_fields(item) or self._context
        if "compaction_usage" in item:
            self._summed = cast(Json, item)
        for choice in item.get("choices") or ():
            if choice["index"] == 0:
                self._add_delta(choice["delta"], events)  # type: ignore[arg-type]  # fields beside Delta's
                if choice.get("finish_reason"):
                    self._choice = choice  # type: ignore[assignment]  # likewise
        return events

    def close(self) -> Iterable[Event]:
        events: list[Event] = []
        if self._state:
            self._add_packed("state", pack({"": self._state}), events)
        while self._blocks:
            self._end_block(events)
        usage = render_usage(self._usage)
        if self._usage is None:
            counts = {"input_tokens": estimate_request(self._request), "output_tokens": self._output_tokens}
            usage = {**usage, **counts, "estimated": True}
        stop = render_stop({**self._choice, "refusal": self._refusal})
        usage = compaction_usage(self._summed, usage)
        events.append(_event("message_delta", delta=stop, usage=usage, **self._context))
        events.append(_event("message_stop"))
        return events

    def cut(self, last: ChatChunk, stream: ForwardedStream) -> Iterable[Event]:
        """Return the events that end a stream which was forwarded so far: they close its open block."""
        event = json.loads(stream.last.data)
        if event.get("type") in {"content_block_start", "content_block_delta"}:
            yield _event("content_block_stop", index=event.get("index", 0))
        stop = render_stop(cast(Json, last["choices"][0]))
        yield _event("message_delta", delta=stop, usage=render_usage(last.get("usage")))
        yield _event("message_stop")

    def _begin(self, chunk: ChatChunk) -> list[Event]:
        """Return the first events. They contain the input tokens, which are estimated if not known yet."""
        self._has_begun = True
        usage = render_usage(chunk.get("usage") or {"prompt_tokens": estimate_request(self._request)})
        message = {
            **render_envelope(chunk.get("id", ""), chunk.get("model", "")),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        return [_event("message_start", message=message), PING]

    def _add_delta(self, delta: Json, events: list[Event]) -> None:
        if summary := delta.get("compaction"):
            block = self._find_block(COMPACTION, {"type": COMPACTION, "content": ""}, events)
            self._send_delta(block, {"type": "compaction_delta", "content": summary}, events)
        self._add_reasoning(delta, events)
        self._refusal += delta.get("refusal") or ""
        for text in (delta.get("content"), delta.get("refusal")):
            if isinstance(text, str) and text:
                self._output_tokens += estimate_tokens(text)
                block = self._find_block(TEXT, {"type": "text", "text": ""}, events)
                self._send_delta(block, {"type": "text_delta", "text": text}, events)
        for call in delta.get("tool_calls") or ():
            self._add_call(call, events)
        if state := message_state(delta):
            self._state = cast(Json, merge(self._state, state))

    def _add_reasoning(self, delta: Json, events: list[Event]) -> None:
        blocks = [block for block in delta.get("thinking_blocks") or () if is_anthropic_block(block)]
        text = delta.get("reasoning_content")
        if text and not any("thinking" in block for block in blocks):
            self._add_thinking(REASONING, text, events)
        for block in blocks:
            key = f"{REASONING} {block.get('index')}"
            if block["type"] == "redacted_thinking":
                self._add_packed(key, block.get("data") or "", events)
                continue
            self._add_thinking(key, block.get("thinking") or "", events)
            if signature := block.get("signature"):
                self._find_block(key, {}, events).signature += signature

    def _add_thinking(self, key: str, text: str, events: list[Event]) -> None:
        self._output_tokens += estimate_tokens(text)
        block = self._find_block(key, {"type": "thinking", "thinking": "", "signature": ""}, events)
        self._send_delta(block, {"type": "thinking_delta", "thinking": text}, events)

    def _add_call(self, call: Json, events: list[Event]) -> None:
        key, function = f"call {call.get('index')}", call.get("function") or call.get("custom") or {}
        if call.get("id") and (state := opaque_fields(call)):
            self._add_packed(f"state of {key}", pack({call["id"]: state}), events)
        arguments = function.get("arguments", function.get("input")) or ""
        self._output_tokens += estimate_tokens(arguments)
        start: Json = {"id": call.get("id") or "", "name": function.get("name") or "", "input": {}}
        block = self._find_block(key, {"type": "tool_use", **start}, events)
        block.arguments += arguments
        self._send_delta(block, {"type": "input_json_delta", "partial_json": arguments}, events)

    def _add_packed(self, key: str, data: str, events: list[Event]) -> None:
        self._find_block(key, {"type": "redacted_thinking", "data": data}, events)

    def _find_block(self, key: str, start: Json, events: list[Event]) -> _StreamingBlock:
        """Return the block with that key, or a new one at the end of the queue.

        A fragment of a block that has ended is dropped: it goes to a block that is not queued.
        """
        can_repeat = key in {TEXT, REASONING}
        for block in self._blocks[-1:] if can_repeat else self._blocks:
            if block.key == key:
                return block
        block = _StreamingBlock(key, start)
        if can_repeat or key not in self._closed_keys:
            self._blocks.append(block)
            self._advance(events)
        return block

    def _send_delta(self, block: _StreamingBlock, delta: Json, events: list[Event]) -> None:
        if block.waiting or not (self._blocks and block is self._blocks[0] and block.can_stream):
            block.waiting.append(delta)
        elif any(value for key, value in delta.items() if key != "type"):
            events.append(self._delta_event(delta))

    def _advance(self, events: list[Event]) -> None:
        """End each block that can end and has another one behind it, then start the first one left."""
        while len(self._blocks) > 1 and self._blocks[0].can_end:
            self._end_block(events)
        self._start_block(events)

    def _start_block(self, events: list[Event]) -> None:
        if self._is_block_open or not self._blocks:
            return
        self._is_block_open = True
        block = self._blocks[0]
        events.append(_event("content_block_start", index=self._index, content_block=block.start))
        if block.can_stream:
            waiting, block.waiting = block.waiting, []
            for delta in waiting:
                self._send_delta(block, delta, events)

    def _end_block(self, events: list[Event]) -> None:
        self._start_block(events)
        block = self._blocks.pop(0)
        self._closed_keys.add(block.key)
        if block.waiting:
            repaired = dump(parse_tool_input(block.arguments))
            events.append(self._delta_event({"type": "input_json_delta", "partial_json": repaired}))
        if block.start["type"] == "thinking":
            signature = block.signature or pack({})
            events.append(self._delta_event({"type": "signature_delta", "signature": signature}))
        events.append(_event("content_block_stop", index=self._index))
        self._is_block_open = False
        self._index += 1

    def _delta_event(self, delta: Json) -> Event:
        return _event("content_block_delta", index=self._index, delta=delta)


def _event(kind: str, **fields: object) -> Event:
    return Event(dump({"type": kind, **fields}), kind)


def _is_complete(text: str) -> bool:
    """Return True if a call's arguments are a whole JSON value: nothing can follow the end of an object."""
    if not text.rstrip().endswith("}"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
