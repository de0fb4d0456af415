"""Chunks as a message's event stream: https://docs.claude.com/en/docs/build-with-claude/streaming.

One block is open at a time, in the order in which they began. Text and thinking end when something else
begins; a call ends when its arguments are whole, and what other calls say meanwhile waits for its turn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from vaultcore.client_apis.json_text import dump
from vaultcore.client_apis.messages.opaque_state import kept, kept_of_message, merged, native, pack
from vaultcore.client_apis.messages.response import head, read_input, render_stop, render_usage
from vaultcore.streams.sse import Event
from vaultcore.usage.token_estimate import estimate, tokens
from vaultcore.wire import ChatChunk, ChatRequest, Json, Usage

PING = Event('{"type":"ping"}', "ping")


TEXT, THOUGHT = "text", "thought"  # names of blocks that may come again; others have an index


@dataclass(slots=True)
class _Block:
    name: str
    start: Json  # as content_block_start tells it
    waiting: list[Json] = field(default_factory=list)  # deltas, until its turn comes
    written: str = ""  # of a call: its arguments so far
    signature: str = ""

    @property
    def over(self) -> bool:
        """Whether it ends where another begins."""
        return self.start["type"] != "tool_use" or _whole(self.written)

    @property
    def sound(self) -> bool:
        """Whether its deltas can go out as they come: arguments that begin as no object are mended first."""
        return self.written.lstrip()[:1] in {"", "{"}


class Encoder:
    """Chunks to events. `close` tells why the answer ended, and what it took."""

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._blocks: list[_Block] = []  # the first is open, the others wait
        self._ended: set[str] = set()
        self._open = False
        self._begun = False
        self._index = 0
        self._choice: Json = {}  # the one that finished
        self._usage: Usage | None = None
        self._told = 0  # tokens, as far as can be guessed
        self._state: Json = {}

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        events = [] if self._begun else self._begin(item)
        if usage := item.get("usage"):
            self._usage = usage
        for choice in item.get("choices") or ():
            if choice["index"] == 0:
                self._take(choice["delta"], events)  # type: ignore[arg-type]  # any fields, known or not
                if choice.get("finish_reason"):
                    self._choice = choice  # type: ignore[assignment]  # likewise
        return events

    def close(self) -> Iterable[Event]:
        events: list[Event] = []
        if self._state:
            self._seal("state", pack({"": self._state}), events)
        while self._blocks:
            self._end(events)
        usage = render_usage(self._usage)
        if self._usage is None:
            told = {"input_tokens": estimate(self._request), "output_tokens": self._told}
            usage = {**usage, **told, "estimated": True}
        stop = render_stop(self._choice)
        events.append(_event("message_delta", delta=stop, usage=usage))
        events.append(_event("message_stop"))
        return events

    def _begin(self, chunk: ChatChunk) -> list[Event]:
        """The opening, which has to say how long the prompt was before the provider does."""
        self._begun = True
        usage = render_usage(chunk.get("usage") or {"prompt_tokens": estimate(self._request)})
        message = {
            **head(chunk.get("id", ""), chunk.get("model", "")),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        return [_event("message_start", message=message), PING]

    def _take(self, delta: Json, events: list[Event]) -> None:
        self._think(delta, events)
        for words in (delta.get("content"), delta.get("refusal")):
            if isinstance(words, str) and words:
                self._told += tokens(words)
                block = self._block(TEXT, {"type": "text", "text": ""}, events)
                self._say(block, {"type": "text_delta", "text": words}, events)
        for call in delta.get("tool_calls") or ():
            self._call(call, events)
        if state := kept_of_message(delta):
            self._state = cast(Json, merged(self._state, state))

    def _think(self, delta: Json, events: list[Event]) -> None:
        blocks = [block for block in delta.get("thinking_blocks") or () if native(block)]
        words = delta.get("reasoning_content")
        if words and not any("thinking" in block for block in blocks):
            self._thought(THOUGHT, words, events)
        for block in blocks:
            name = f"{THOUGHT} {block.get('index')}"
            if block["type"] == "redacted_thinking":
                self._seal(name, block.get("data") or "", events)
                continue
            self._thought(name, block.get("thinking") or "", events)
            if signature := block.get("signature"):
                self._block(name, {}, events).signature += signature

    def _thought(self, name: str, words: str, events: list[Event]) -> None:
        self._told += tokens(words)
        part = {"type": "thinking_delta", "thinking": words}
        self._say(
            self._block(name, {"type": "thinking", "thinking": "", "signature": ""}, events), part, events
        )

    def _call(self, call: Json, events: list[Event]) -> None:
        name, function = f"call {call.get('index')}", call.get("function") or call.get("custom") or {}
        if call.get("id") and (state := kept(call)):
            self._seal(f"state of {name}", pack({call["id"]: state}), events)
        words = function.get("arguments", function.get("input")) or ""
        self._told += tokens(words)
        start: Json = {"id": call.get("id") or "", "name": function.get("name") or "", "input": {}}
        block = self._block(name, {"type": "tool_use", **start}, events)
        block.written += words
        self._say(block, {"type": "input_json_delta", "partial_json": words}, events)

    def _seal(self, name: str, data: str, events: list[Event]) -> None:
        self._block(name, {"type": "redacted_thinking", "data": data}, events)

    def _block(self, name: str, start: Json, events: list[Event]) -> _Block:
        """The block of that name, begun behind the others where it is new."""
        again = name in {TEXT, THOUGHT}
        for block in self._blocks[-1:] if again else self._blocks:
            if block.name == name:
                return block
        block = _Block(name, start)
        if again or name not in self._ended:
            self._blocks.append(block)
            self._advance(events)
        return block  # where it has ended, what comes late is lost on it

    def _say(self, block: _Block, part: Json, events: list[Event]) -> None:
        if block.waiting or not (self._blocks and block is self._blocks[0] and block.sound):
            block.waiting.append(part)
        elif any(value for key, value in part.items() if key != "type"):
            events.append(self._delta(part))

    def _advance(self, events: list[Event]) -> None:
        """End what is over and has others behind it, and open what comes first."""
        while len(self._blocks) > 1 and self._blocks[0].over:
            self._end(events)
        self._start(events)

    def _start(self, events: list[Event]) -> None:
        if self._open or not self._blocks:
            return
        self._open = True
        block = self._blocks[0]
        events.append(_event("content_block_start", index=self._index, content_block=block.start))
        if block.sound:
            waiting, block.waiting = block.waiting, []
            for part in waiting:
                self._say(block, part, events)

    def _end(self, events: list[Event]) -> None:
        self._start(events)
        block = self._blocks.pop(0)
        self._ended.add(block.name)
        if block.waiting:
            mended = {"type": "input_json_delta", "partial_json": dump(read_input(block.written))}
            events.append(self._delta(mended))
        if block.start["type"] == "thinking":
            signature = block.signature or pack({})
            events.append(self._delta({"type": "signature_delta", "signature": signature}))
        events.append(_event("content_block_stop", index=self._index))
        self._open = False
        self._index += 1

    def _delta(self, part: Json) -> Event:
        return _event("content_block_delta", index=self._index, delta=part)


def _event(name: str, **fields: object) -> Event:
    return Event(dump({"type": name, **fields}), name)


def _whole(text: str) -> bool:
    """Whether a call's arguments are complete: nothing can follow an object that has ended."""
    if not text.rstrip().endswith("}"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
