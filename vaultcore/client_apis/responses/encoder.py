"""Chunks as the events of a response: https://platform.openai.com/docs/api-reference/responses-streaming.

Items are told one after the other: text and thoughts are finished once something else begins. Calls are
finished at the end, because fragments of several may come in turns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from vaultcore.client_apis.json_text import dump
from vaultcore.client_apis.responses.request import RequestFields
from vaultcore.client_apis.responses.response import plain
from vaultcore.client_apis.responses.response_object import finished, frame
from vaultcore.client_apis.responses.stream_failure import failed, failure_event, next_number
from vaultcore.client_apis.responses.streaming_items import (
    OpenCall,
    OpenItem,
    OpenMessage,
    OpenReasoning,
    Say,
)
from vaultcore.client_apis.responses.tools import customs
from vaultcore.errors import GatewayError
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatRequest, Delta, FinishReason, Json, Usage


class Encoder:
    """One answer's events. Numbers rise by one from event to event; ids stay what they were."""

    def __init__(self, request: ChatRequest) -> None:
        self._body: Json = request.body if isinstance(request, RequestFields) else {}
        self._customs = customs(self._body)
        self._number = 0
        self._begun: Json = {}
        self._answer = ""
        self._items: list[OpenItem] = []
        self._speaking: OpenItem | None = None  # the one that text or thoughts go to
        self._calls: dict[int, OpenCall] = {}
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        events = [] if self._begun else self._begin(item)
        self._usage = item.get("usage") or self._usage
        if tier := cast(Json, item).get("service_tier"):
            self._begun["service_tier"] = tier
        for choice in item.get("choices") or ():
            if choice["index"] == 0:
                logprobs = (cast(Json, choice).get("logprobs") or {}).get("content") or ()
                events += self._accept(choice["delta"], [plain(each) for each in logprobs])
                self._reason = choice["finish_reason"] or self._reason
        return events

    def close(self) -> Iterable[Event]:
        if not self._begun:
            return ()
        events = [] if self._items else self._speak(OpenMessage)  # an answer has something in it
        events += self._hush()
        cut = self._reason == "length"
        for call in self._calls.values():
            events += self._told(call.close(cut=cut))
        whole = finished(self._begun, [item.whole for item in self._items], self._reason, self._usage)
        kind = "response.completed" if whole["status"] == "completed" else "response.incomplete"
        return [*events, self._event({"type": kind, "response": whole})]

    def fail(self, error: GatewayError, after: Event | None) -> Iterable[Event]:
        """The event that ends a stream which broke. What passed as it came is not known here."""
        if not self._begun:
            return (failure_event(error, number=next_number(after)),)
        whole = {**failed(self._begun, error), "output": [item.whole for item in self._items if item.closed]}
        return (self._event({"type": "response.failed", "response": whole}),)

    def _begin(self, chunk: ChatChunk) -> list[Event]:
        self._answer = chunk.get("id", "")
        self._begun = frame(
            self._body, answer=self._answer, created=chunk.get("created", 0), model=chunk.get("model", "")
        )
        kinds = ("response.created", "response.in_progress")
        return [self._event({"type": kind, "response": self._begun}) for kind in kinds]

    def _accept(self, delta: Delta, logprobs: list[Json]) -> list[Event]:
        events: list[Event] = []
        told = cast(Json, delta)
        words, blocks = told.get("reasoning_content"), told.get("thinking_blocks")
        if words or blocks:
            events += self._speak(OpenReasoning)
            events += self._say(lambda item: item.think(words or "", blocks or ()))
        if told.get("content"):
            events += self._speak(OpenMessage)
            events += self._say(lambda item: item.text(told["content"], logprobs))
        if told.get("refusal"):
            events += self._speak(OpenMessage)
            events += self._say(lambda item: item.refuse(told["refusal"]))
        if told.get("annotations") and isinstance(self._speaking, OpenMessage):
            events += self._say(lambda item: item.cite(told["annotations"]))
        for fragment in told.get("tool_calls") or ():
            events += self._call(fragment)
        return events

    def _speak(self, kind: type[OpenItem]) -> list[Event]:
        """Begin an item of that kind, unless it is one that is speaking."""
        if isinstance(self._speaking, kind):
            return []
        events = self._hush()
        self._speaking = kind(self._answer, len(self._items))
        self._items.append(self._speaking)
        return [*events, *self._told(self._speaking.open())]

    def _say(self, say: Say) -> list[Event]:
        return self._told(say(self._speaking)) if self._speaking is not None else []

    def _hush(self) -> list[Event]:
        speaking, self._speaking = self._speaking, None
        return self._told(speaking.close(cut=self._reason == "length")) if speaking is not None else []

    def _call(self, fragment: Json) -> list[Event]:
        events = self._hush()
        index = fragment.get("index", 0)
        call = self._calls.get(index)
        if call is None:
            call = self._calls[index] = OpenCall(self._answer, len(self._items), fragment, self._customs)
            self._items.append(call)
            events += self._told(call.open())
        return [*events, *self._told(call.feed(fragment))]

    def _told(self, payloads: Iterable[Json]) -> list[Event]:
        return [self._event(payload) for payload in payloads]

    def _event(self, payload: Json) -> Event:
        number, self._number = self._number, self._number + 1
        return Event(dump({**payload, "sequence_number": number}), payload["type"])
