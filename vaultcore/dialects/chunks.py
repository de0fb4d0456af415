"""Chat-completion chunks as providers stream them, mended where they stray from OpenAI's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from vaultcore.dialects import repair
from vaultcore.dialects.json_fields import an_object, payload
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Json

OBJECT = "chat.completion.chunk"
PLAIN = frozenset({"content", "refusal", "reasoning_content"})


class Decoder:
    """Events to chunks. A chunk that needs no mending is passed on as it was parsed."""

    __slots__ = ("_choices", "_done")

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._done = False

    def feed(self, item: Event) -> Iterable[ChatChunk]:
        if self._done:
            return ()
        if not item.data.startswith("{"):
            text = item.data.strip()
            self._done = text == "[DONE]"
            if self._done or not text:
                return ()
        chunk = payload(item)
        if repair.failed(chunk):
            raise repair.fault(chunk.get("error") or chunk)
        chunk.pop("obfuscation", None)
        if "service_tier" in chunk:
            repair.settle_tier(chunk)
        if self._plain(chunk):
            return (cast(ChatChunk, chunk),)
        return [cast(ChatChunk, each) for each in self._mended(chunk)]

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _plain(self, chunk: Json) -> bool:
        """Whether the chunk is one more piece of text, as nearly all are, and as it should be."""
        choices = chunk.get("choices")
        if type(choices) is not list or len(choices) != 1 or chunk.get("object") != OBJECT:
            return False
        choice = choices[0]
        if type(choice) is not dict or choice.get("finish_reason", "") is not None or "message" in choice:
            return False
        delta, index = choice.get("delta"), choice.get("index")
        known = self._choices.get(index) if type(index) is int else None
        return (
            type(delta) is dict
            and type(delta.get("content")) is str
            and delta.keys() <= PLAIN
            and chunk.get("usage") is None
            and "id" in chunk
            and known is not None
            and known.said
            and not known.finished
        )

    def _mended(self, chunk: Json) -> list[Json]:
        """The chunk put right in place (it is ours: we parsed it), after what should have come before it."""
        choices = chunk.get("choices") or []
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise ValueError("a chunk whose choices are not a list of objects")
        aside = chunk.get("x_groq")
        told = chunk.get("usage") or (aside.get("usage") if isinstance(aside, dict) else None)
        if told or "usage" in chunk:
            chunk["usage"] = repair.usage(told)
        identity = chunk.get("id")
        chunk["id"] = identity if isinstance(identity, str) else ""
        chunk["object"] = OBJECT
        chunk["created"] = repair.created(chunk.get("created"))
        chunk.setdefault("model", "")
        chunk["choices"] = choices
        before: list[Json] = []
        for position, choice in enumerate(choices):
            before += self._choice(position, choice, chunk["id"])
        chunk["choices"] = [choice for choice in choices if not self._idle(choice)]
        envelope = {key: chunk[key] for key in ("id", "object", "created", "model")}
        head = [{**envelope, "choices": [choice]} for choice in before]
        return [*head, chunk] if chunk["choices"] or not choices or chunk.get("usage") else head

    def _idle(self, choice: Json) -> bool:
        """Whether a choice that has finished is named once more, with nothing to add."""
        over = self._choices[choice["index"]].finished and choice["finish_reason"] is None
        return over and not any(choice["delta"].values())

    def _choice(self, position: int, choice: Json, answer: str) -> list[Json]:
        if choice.get("error"):
            raise repair.fault(choice["error"])
        index = choice.get("index")
        index = choice["index"] = index if type(index) is int else position
        known = self._choices.setdefault(index, _Choice())
        choice.pop("message", None)  # some repeat the whole answer so far beside the delta
        choice["delta"] = known.delta(choice.get("delta"), f"{answer}:{index}")
        reason = choice.get("finish_reason") or None
        choice["finish_reason"] = None
        if reason is None or known.finished:
            return []
        choice["finish_reason"] = repair.finish_reason(reason, called=bool(known.calls), said=known.said)
        known.finished = True
        if not (silent := known.silent_calls()):
            return []
        # The finish chunk's own delta has to come first, so both go out before it.
        delta = {**choice["delta"], "tool_calls": [*choice["delta"].get("tool_calls", ()), *silent]}
        choice["delta"] = {}
        return [{"index": index, "delta": delta, "finish_reason": None}]


@dataclass(slots=True)
class _Call:
    id: str
    name: str = ""
    begun: bool = False  # some of its arguments have come


@dataclass(slots=True)
class _Choice:
    """What has been said so far in one choice."""

    said: bool = False
    opened: bool = False
    finished: bool = False
    calls: list[_Call] = field(default_factory=list)
    by_index: dict[int, int] = field(default_factory=dict)  # the provider's index -> ours
    listed: dict[str, int] = field(default_factory=dict)

    def delta(self, told: object, answer: str) -> Json:
        delta = told if isinstance(told, dict) else {}
        delta.pop("role", None)
        if not self.opened:
            delta = {"role": "assistant", **delta}
            self.opened = True
        repair.settle_text(delta)
        calls = delta.pop("tool_calls", None)
        for key, value in delta.items():
            if isinstance(value, list):
                self._number(key, value)
        if isinstance(calls, list) and calls:
            delta["tool_calls"] = [self._call(call, answer) for call in calls]
        self.said |= bool(delta.get("content") or delta.get("reasoning_content") or delta.get("refusal"))
        return delta

    def silent_calls(self) -> list[Json]:
        """Calls of which no argument came, with the empty object that means so."""
        return [
            {"index": ours, "function": {"arguments": "{}"}}
            for ours, call in enumerate(self.calls)
            if not call.begun
        ]

    def _number(self, key: str, items: list[object]) -> None:
        """Give items of any other list an index: the SDK's accumulator cannot do without."""
        for item in items:
            if isinstance(item, dict) and type(item.get("index")) is not int:
                item["index"] = self.listed.get(key, 0)
            self.listed[key] = self.listed.get(key, 0) + 1

    def _call(self, raw: object, answer: str) -> Json:
        told = an_object(raw, "a tool call")
        function = told.get("function")
        function = function if isinstance(function, dict) else {}
        name = str(function.get("name") or "")
        ours = self._which(told, name)
        fresh = ours == len(self.calls)
        if fresh:
            self.calls.append(_Call(str(told.get("id") or repair.identity("call_", answer, ours))))
        if type(index := told.get("index")) is int:
            self.by_index[index] = ours
        call = self.calls[ours]
        head = {**told, "id": call.id, "type": told.get("type") or "function"} if fresh else {}
        head["index"] = ours
        if "custom" in told:
            call.begun = True
            return {**head, "custom": told["custom"]}
        part = {"arguments": repair.arguments_text(function.get("arguments"))}
        if name and not call.name:
            call.name = name
            part = {"name": name, **part}
        call.begun |= bool(part["arguments"])
        return {**head, "function": part}

    def _which(self, told: Json, name: str) -> int:
        """Our index of the call a fragment belongs to, one past the last for a new call."""
        identity, index = told.get("id"), told.get("index")
        if type(index) is int:
            ours = self.by_index.get(index, len(self.calls))
        elif identity:
            same = [ours for ours, call in enumerate(self.calls) if call.id == identity]
            ours = same[-1] if same else len(self.calls)
        else:
            ours = len(self.calls) if name or not self.calls else len(self.calls) - 1
        if ours < len(self.calls) and identity and name and identity != self.calls[ours].id:
            return len(self.calls)  # one index for every call, told apart by their ids
        return ours
