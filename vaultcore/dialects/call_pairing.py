"""Pairs tool calls with their results, for providers that reject a missing or unexpected result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from vaultcore.casts import cast
from vaultcore.dialects import Change
from vaultcore.dialects.prompts import MEDIA_FOLLOWS, MEDIA_POINTER, NO_RESULT
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json, Message

MEDIA = ("image_url", "input_audio", "file")
# Reasons of changes, shared with conversation.py.
ORPHAN_RESULT = "sent as user text: the message before has no such tool call"
REPEATED_RESULT = "a tool call has one result: the last one is sent"
MISSING_RESULT = "a tool call has no result: a failed one is sent"


def move_media_from_results(messages: Sequence[Message], changes: list[Change]) -> Sequence[Message]:
    """Return the messages with the media of tool results in a user message after the results."""
    results = [message for message in messages if message.get("role") == "tool"]
    if not any(map(_media, results)):
        return messages
    out: list[Message] = []
    pending: list[Json] = []
    for i, message in enumerate(messages):
        if message.get("role") != "tool" and pending:
            out.append({"role": "user", "content": pending})
            pending = []
        media = _media(message) if message.get("role") == "tool" else []
        if not media:
            out.append(message)
            continue
        reason = "tool results carry text only: other parts follow as a user message"
        changes.append(Change(f"messages[{i}].content", "emulated", reason))
        pending += [{"type": "text", "text": MEDIA_POINTER.format(message.get("tool_call_id"))}, *media]
        text = [part for part in message.get("content") or () if part not in media]
        out.append(cast(Message, {**message, "content": text or MEDIA_FOLLOWS}))
    return [*out, {"role": "user", "content": pending}] if pending else out


def drop_repeated_results(messages: Sequence[Message], changes: list[Change]) -> Sequence[Message]:
    """Return the messages with one result per call: the last one of those with the same id in a row.

    Gemini CLI sends a result twice when it resumes a session.
    """
    last: dict[tuple[int, object], int] = {}  # (run of tool messages, call id) -> place
    run, repeated = 0, set()
    for i, message in enumerate(messages):
        if message.get("role") != "tool":
            run = i
            continue
        call = (run, message.get("tool_call_id"))
        if call in last and _count_calls(messages[run], call[1]) < 2:
            repeated.add(last[call])
        last[call] = i
    if not repeated:
        return messages
    changes.extend(Change(f"messages[{i}]", "dropped", REPEATED_RESULT) for i in sorted(repeated))
    return [message for i, message in enumerate(messages) if i not in repeated]


def _count_calls(message: Message, call_id: object) -> int:
    return sum(call.get("id") == call_id for call in message.get("tool_calls") or ())


def pair_calls_with_results(
    messages: Sequence[Message], changes: list[Change], *, rename: Callable[[str], str] = str
) -> list[Json]:
    """Return messages in which every call has a unique id and exactly one result right after its message.

    `rename` turns a client's call id into one that the provider accepts.
    """
    pairing = _CallPairing(changes, rename)
    for i, message in enumerate(messages):
        pairing.add(f"messages[{i}]", cast(Json, message))
    pairing.close()
    return pairing.out


def function_name(function: Mapping[str, object]) -> str:
    """Return the name in the `function` of a tool call, "" if there is none."""
    return str(function.get("name") or "")


@dataclass(slots=True)
class _CallPairing:
    changes: list[Change]
    rename: Callable[[str], str]
    out: list[Json] = field(default_factory=list)
    used_ids: set[str] = field(default_factory=set)
    uses: dict[str, int] = field(default_factory=dict)  # the client's id -> number of calls with it
    call_order: list[str] = field(default_factory=list)  # rendered ids of the open calls
    open_calls: dict[str, list[str]] = field(default_factory=dict)  # the client's id -> rendered ids
    results: dict[str, Json] = field(default_factory=dict)  # rendered id -> tool message
    delayed: list[Json] = field(default_factory=list)  # messages that must come after the results

    def add(self, path: str, message: Json) -> None:
        match message.get("role"):
            case "assistant":
                self.close()
                self._add_assistant(message)
            case "tool":
                self._add_result(path, message)
            case _:
                (self.delayed if self.call_order else self.out).append(message)

    def close(self) -> None:
        """Write the results of the open calls; a call without one gets NO_RESULT."""
        for call_id in self.call_order:
            if call_id not in self.results:
                self.changes.append(Change("messages", "injected", MISSING_RESULT))
            missing: Json = {"role": "tool", "tool_call_id": call_id, "content": NO_RESULT}
            self.out.append(self.results.get(call_id, missing))
        self.out += self.delayed
        self.call_order, self.delayed = [], []
        self.open_calls.clear()
        self.results.clear()

    def _add_assistant(self, message: Json) -> None:
        calls = message.get("tool_calls")
        if not calls:
            self.out.append({name: value for name, value in message.items() if name != "tool_calls"})
            return
        self.out.append({**message, "tool_calls": [self._open_call(call) for call in calls]})

    def _open_call(self, call: Json) -> Json:
        client_id = str(call.get("id") or "")
        call_id = self._unique_id(client_id)
        self.call_order.append(call_id)
        self.open_calls.setdefault(client_id, []).append(call_id)
        return {**call, "id": call_id}

    def _add_result(self, path: str, message: Json) -> None:
        call_ids = self.open_calls.get(str(message.get("tool_call_id") or ""))
        if not call_ids:
            self.changes.append(Change(path, "emulated", ORPHAN_RESULT))
            orphan = {"role": "user", "content": message.get("content")}
            (self.delayed if self.call_order else self.out).append(orphan)
            return
        call_id = call_ids[0]
        if len(call_ids) > 1:
            call_ids.pop(0)  # calls with the same id get their results in order
        if call_id in self.results:
            self.changes.append(Change(path, "dropped", REPEATED_RESULT))
        self.results[call_id] = {**message, "tool_call_id": call_id}

    def _unique_id(self, client_id: str) -> str:
        base = client_id or "call"
        n = self.uses.get(base, 0) + 1
        unique = self.rename(base if n == 1 else f"{base}_{n}")
        while unique in self.used_ids:
            n += 1
            unique = self.rename(f"{base}_{n}")
        self.uses[base] = n
        self.used_ids.add(unique)
        return unique


def _media(message: Message) -> list[Json]:
    content = message.get("content")
    if not isinstance(content, list):
        return []
    return [part for part in content if part.get("type") in MEDIA]
