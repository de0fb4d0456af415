"""Calls and their results, paired: what providers demand that refuse a call left open or a result astray."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from vaultcore.dialects import Change
from vaultcore.wire import Json, Message

NO_RESULT = "No result was given."
MEDIA = ("image_url", "input_audio", "file")
POINTER = "Given by the tool call {}:"


def hoisted(messages: Sequence[Message], changes: list[Change]) -> Sequence[Message]:
    """The messages, with what is no text in a tool's result moved to a user message behind the results."""
    if not any(message.get("role") == "tool" and _media(message) for message in messages):
        return messages
    out: list[Message] = []
    moved: list[Json] = []
    for i, message in enumerate(messages):
        if message.get("role") != "tool" and moved:
            out.append({"role": "user", "content": moved})
            moved = []
        media = _media(message) if message.get("role") == "tool" else []
        if not media:
            out.append(message)
            continue
        pointer = POINTER.format(message.get("tool_call_id"))
        changes.append(
            Change(f"messages[{i}].content", "emulated", "tools give text only: the rest follows as the user")
        )
        moved += [{"type": "text", "text": pointer}, *media]
        kept = [part for part in message.get("content") or () if part not in media]
        out.append(cast(Message, {**message, "content": kept or "The result follows."}))
    return [*out, {"role": "user", "content": moved}] if moved else out


def paired(
    messages: Sequence[Message], changes: list[Change], *, rename: Callable[[str], str] = str
) -> list[Json]:
    """The messages, every call with a unique id and exactly one result, right behind its turn.

    `rename` makes an id of the client's one that the provider takes.
    """
    conversation = _Conversation(changes, rename)
    for i, message in enumerate(messages):
        conversation.take(f"messages[{i}]", cast(Json, message))
    conversation.close()
    return conversation.out


def called(function: Mapping[str, object]) -> str:
    """The name in a call."""
    return str(function.get("name") or "")


@dataclass(slots=True)
class _Conversation:
    changes: list[Change]
    rename: Callable[[str], str]
    out: list[Json] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    times: dict[str, int] = field(default_factory=dict)  # how often the client has used an id
    order: list[str] = field(default_factory=list)  # our ids of the calls that are open
    waiting: dict[str, list[str]] = field(default_factory=dict)  # the client's id -> ours
    results: dict[str, Json] = field(default_factory=dict)
    later: list[Json] = field(default_factory=list)  # said before all results were there

    def take(self, path: str, message: Json) -> None:
        match message.get("role"):
            case "assistant":
                self.close()
                self._assistant(message)
            case "tool":
                self._result(path, message)
            case _:
                (self.later if self.order else self.out).append(message)

    def close(self) -> None:
        """Answer the calls that nobody has: one left open is refused."""
        for ours in self.order:
            if ours not in self.results:
                self.changes.append(Change("messages", "injected", "a call without a result"))
            self.out.append(
                self.results.get(ours, {"role": "tool", "tool_call_id": ours, "content": NO_RESULT})
            )
        self.out += self.later
        self.order, self.later = [], []
        self.waiting.clear()
        self.results.clear()

    def _assistant(self, message: Json) -> None:
        calls = message.get("tool_calls")
        if not calls:
            self.out.append({name: value for name, value in message.items() if name != "tool_calls"})
            return
        self.out.append({**message, "tool_calls": [self._call(call) for call in calls]})

    def _call(self, call: Json) -> Json:
        original = str(call.get("id") or "")
        ours = self._unique(original)
        self.order.append(ours)
        self.waiting.setdefault(original, []).append(ours)
        return {**call, "id": ours}

    def _result(self, path: str, message: Json) -> None:
        open_ids = self.waiting.get(str(message.get("tool_call_id") or ""))
        if not open_ids:
            told = "answers no call of the turn before: sent as user text"
            self.changes.append(Change(path, "emulated", told))
            astray = {"role": "user", "content": message.get("content")}
            (self.later if self.order else self.out).append(astray)
            return
        ours = open_ids[0]
        if len(open_ids) > 1:
            open_ids.pop(0)  # calls that share an id are answered in their order
        if ours in self.results:
            told = "a call has one result: the last of several is kept"
            self.changes.append(Change(path, "dropped", told))
        self.results[ours] = {**message, "tool_call_id": ours}

    def _unique(self, original: str) -> str:
        base = original or "call"
        n = self.times.get(base, 0) + 1
        ours = self.rename(base if n == 1 else f"{base}_{n}")
        while ours in self.used:
            n += 1
            ours = self.rename(f"{base}_{n}")
        self.times[base] = n
        self.used.add(ours)
        return ours


def _media(message: Message) -> list[Json]:
    content = message.get("content")
    if not isinstance(content, list):
        return []
    return [part for part in content if part.get("type") in MEDIA]
