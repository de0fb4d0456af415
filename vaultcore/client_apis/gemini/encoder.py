"""Encodes chunks as the events of streamGenerateContent: https://ai.google.dev/api/generate-content.

Every event is a response with the next parts. A function call is one part with complete arguments: it waits
until they have arrived. The last event of a candidate has its finish reason, the last one of all the usage.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import field

from vaultcore.casts import cast
from vaultcore.client_apis import ForwardedStream
from vaultcore.client_apis.gemini.grounding import render_grounding
from vaultcore.client_apis.gemini.opaque_state import message_state, pack_signature
from vaultcore.client_apis.gemini.response import (
    EMPTY_PART,
    estimate_usage,
    has_thoughts,
    render_audio,
    render_call,
    render_candidate,
    render_envelope,
    render_image,
    render_logprobs,
    render_usage,
)
from vaultcore.client_apis.json_text import dump
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.carriers import merge, opaque_fields
from vaultcore.streams.sse import Event
from vaultcore.usage.token_estimate import estimate_tokens
from vaultcore.wire import ChatChunk, ChatRequest, Json, Usage


@dataclass(slots=True)
class _StreamingCall:
    """A tool call whose arguments are arriving."""

    id: str = ""
    name: str = ""
    arguments: str = ""
    state: Json = field(default_factory=dict)

    def add(self, fragment: Json) -> None:
        function = fragment.get("function") or fragment.get("custom") or {}
        self.id = self.id or fragment.get("id") or ""
        self.name = self.name or function.get("name") or ""
        self.arguments += function.get("arguments", function.get("input")) or ""
        self.state = cast(Json, merge(self.state, opaque_fields(fragment)))

    @property
    def is_complete(self) -> bool:
        if not self.arguments.rstrip().endswith("}"):
            return False
        try:
            return isinstance(json.loads(self.arguments), dict)
        except (ValueError, RecursionError):
            return False

    def render(self, state: Json) -> Json:
        """Return the part; `state` is what has come of the message's state before it."""
        function = {"name": self.name, "arguments": self.arguments}
        return render_call({"id": self.id, "function": function, **self.state}, state)


class Encoder:
    """Turns chunks into events. `close` sends what waited, the finish reasons and the usage."""

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._candidates: dict[int, _Candidate] = {}
        self._envelope: Json = {}
        self._usage: Usage | None = None
        self._service_tier: str | None = None
        self._output_tokens = 0  # an estimate

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        self._envelope = self._envelope or render_envelope(item.get("id", ""), item.get("model", ""))
        self._usage = item.get("usage") or self._usage
        self._service_tier = item.get("service_tier") or self._service_tier
        events = []
        for choice in item.get("choices") or ():
            index = choice["index"]
            candidate = self._candidates.get(index)
            if candidate is None:
                candidate = self._candidates[index] = _Candidate(
                    index, shows_thoughts=has_thoughts(self._request)
                )
            if rendered := candidate.add(cast(Json, choice)):
                self._output_tokens += (
                    estimate_tokens(dump(rendered["content"]["parts"])) if not self._usage else 0
                )
                events.append(self._event([rendered]))
        return events

    def close(self) -> Iterable[Event]:
        candidates = [self._candidates[index].close() for index in sorted(self._candidates)]
        return (self._event(candidates, self._final_usage()),)

    def cut(self, last: ChatChunk, stream: ForwardedStream) -> Iterable[Event]:
        """Return the event that ends a stream which was forwarded so far."""
        forwarded = json.loads(stream.last.data)
        self._envelope = {
            name: forwarded[name] for name in ("modelVersion", "responseId") if name in forwarded
        }
        choices = cast("list[Json]", last["choices"])
        candidates = [render_candidate(choice["index"], [EMPTY_PART], choice) for choice in choices]
        return (self._event(candidates, render_usage(last.get("usage") or {})),)

    def _final_usage(self) -> Json:
        if self._usage is not None:
            return render_usage(self._usage, self._service_tier)
        return estimate_usage(self._request, self._output_tokens)

    def _event(self, candidates: list[Json], usage: Json | None = None) -> Event:
        counts = usage or (render_usage(self._usage) if self._usage else None)
        fields = {"candidates": candidates, **({"usageMetadata": counts} if counts else {}), **self._envelope}
        return Event(dump(fields))


class _Candidate:
    """The state of one candidate's stream."""

    def __init__(self, index: int, *, shows_thoughts: bool) -> None:
        self._index, self._shows_thoughts = index, shows_thoughts
        self._calls: dict[object, _StreamingCall] = {}  # that wait, by index
        self._sent: set[object] = set()  # indexes of calls that do not wait any more
        self._state: Json = {}  # of the message, not sent yet
        self._choice: Json = {}  # the one with a finish_reason
        self._text = ""
        self._annotations: list[Json] = []

    def add(self, choice: Json) -> Json | None:
        """Return the candidate with the parts of a choice's delta, or None if there are none yet."""
        delta: Json = choice["delta"]
        if choice.get("finish_reason"):
            self._choice = choice
        parts: list[Json] = []
        self._add_outputs(delta, parts)
        for fragment in delta.get("tool_calls") or ():
            self._add_call(fragment, parts)
        self._state = cast(Json, merge(self._state, message_state(delta)))
        self._annotations += delta.get("annotations") or ()
        logprobs = render_logprobs(choice.get("logprobs"))
        if not parts and not logprobs:
            return None
        candidate = render_candidate(self._index, parts or [EMPTY_PART], {})
        return {**candidate, "logprobsResult": logprobs} if logprobs else candidate

    def close(self) -> Json:
        """Return the last event's candidate."""
        parts = [self._render_call(call) for call in self._calls.values()]
        if signature := pack_signature(self._take_state(), {}):
            parts.append({**EMPTY_PART, "thoughtSignature": signature})
        candidate = render_candidate(self._index, parts or [EMPTY_PART], self._choice)
        grounding = render_grounding(self._annotations, self._text)
        return {**candidate, "groundingMetadata": grounding} if grounding else candidate

    def _add_outputs(self, delta: Json, parts: list[Json]) -> None:
        """Add the parts of a delta's thoughts, text and media, after the calls before them."""
        audio = delta.get("audio") if isinstance(delta.get("audio"), dict) else {}
        outputs: list[Json] = []
        if (thought := delta.get("reasoning_content")) and self._shows_thoughts:
            outputs.append({"text": thought, "thought": True})
        for text in (delta.get("content"), delta.get("refusal"), cast(Json, audio).get("transcript")):
            if isinstance(text, str) and text:
                self._text += text
                outputs.append({"text": text})
        outputs += [part for image in delta.get("images") or () if (part := render_image(image)) is not None]
        if isinstance(data := cast(Json, audio).get("data"), str) and data:
            outputs.append(render_audio(data))
        if outputs:
            parts += [*self._complete_calls(), *outputs]

    def _add_call(self, fragment: Json, parts: list[Json]) -> None:
        index = fragment.get("index")
        if index in self._sent:
            return
        if index not in self._calls:
            parts += self._complete_calls()
        self._calls.setdefault(index, _StreamingCall()).add(fragment)

    def _complete_calls(self) -> list[Json]:
        """Return the parts of the waiting calls, in order, up to the first one that is not complete."""
        parts = []
        for index, call in list(self._calls.items()):
            if not call.is_complete:
                break
            del self._calls[index]
            self._sent.add(index)
            parts.append(self._render_call(call))
        return parts

    def _render_call(self, call: _StreamingCall) -> Json:
        return call.render(self._take_state())

    def _take_state(self) -> Json:
        state, self._state = self._state, {}
        return state
