"""The conversation as Anthropic wants it: alternating turns, every call answered in the very next one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import cast

from vaultcore.dialects import Change
from vaultcore.dialects.anthropic.blocks import render_content, text
from vaultcore.dialects.payload import arguments
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json, Message

SYSTEM = ("system", "developer")
SAFE = re.compile(r"[a-zA-Z0-9_-]+")
FILLER = "."  # where a turn has to stand and there is nothing to say
NO_RESULT = "No result was given."
GO_ON = "Continue your last message from exactly where it stops, without repeating any of it."


def render_system(messages: Sequence[Message], changes: list[Change]) -> tuple[list[Json], int]:
    """The blocks of the system messages that lead, and how many they are."""
    blocks: list[Json] = []
    for i, message in enumerate(messages):
        if message.get("role") not in SYSTEM:
            return blocks, i
        blocks += _instructions(message, f"messages[{i}]", changes)
    return blocks, len(messages)


def render_turns(
    messages: Sequence[Message], start: int, changes: list[Change], *, system_role: bool, prefill: bool
) -> list[Json]:
    """The turns from the message at `start` on."""
    turns = _Turns(changes, system_role=system_role)
    for i in range(start, len(messages)):
        turns.take(i, messages[i])
    return turns.settled(prefill=prefill)


@dataclass(slots=True)
class _Turns:
    changes: list[Change]
    system_role: bool
    turns: list[Json] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # ids of calls, unique over the conversation
    waiting: dict[str, list[str]] = field(default_factory=dict)  # the client's id -> ours, not yet answered
    answered: dict[str, Json] = field(default_factory=dict)  # our id -> its result
    results: list[Json] = field(default_factory=list)  # blocks of the turn that the results go to
    astray: list[tuple[str, Message]] = field(default_factory=list)  # results of calls that nobody made
    orders: list[Json] = field(default_factory=list)  # instructions that wait for the answer they are for

    def take(self, i: int, message: Message) -> None:
        path = f"messages[{i}]"
        role = message.get("role")
        match role:
            case "assistant":
                self._assistant(path, message)
            case "tool":
                self._result(path, message)
            case "user":
                blocks = render_content(message.get("content"), f"{path}.content", self.changes)
                if not blocks:
                    self.changes.append(Change(f"{path}.content", "injected", "an empty turn is refused"))
                self._say("user", blocks or [text(FILLER)])
            case _:
                self._system(path, message)

    def settled(self, *, prefill: bool) -> list[Json]:
        self._close_calls()
        self._order()
        if not self.turns or self.turns[0]["role"] != "user":
            self.changes.append(Change("messages", "injected", "a conversation begins with the user"))
            self.turns.insert(0, {"role": "user", "content": [text(FILLER)]})
        last = self.turns[-1]
        if last["role"] == "assistant":
            _strip_end(last["content"])
            if not last["content"]:
                self.turns.pop()
            elif not prefill:
                self.changes.append(Change("messages", "emulated", "asked to continue its own last message"))
                self.turns.append({"role": "user", "content": [text(GO_ON)]})
        return self.turns

    def _say(self, role: str, blocks: list[Json]) -> None:
        if not blocks:
            return
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"].extend(blocks)
        else:
            self.turns.append({"role": role, "content": blocks})

    def _system(self, path: str, message: Message) -> None:
        blocks = _instructions(message, path, self.changes)
        if not blocks:
            return
        if self.system_role:
            self.orders += blocks
            return
        self.changes.append(Change(path, "emulated", "instructions after the first turn go as user text"))
        said = "\n".join(block["text"] for block in blocks)
        self._say("user", [text(f"<system>\n{said}\n</system>")])

    def _order(self) -> None:
        """Give the instructions that wait: behind a turn of the user's, and before an answer or last."""
        if not self.orders:
            return
        if not self.turns or self.turns[-1]["role"] != "user":
            self.changes.append(Change("messages", "injected", "instructions follow a turn of the user"))
            self._say("user", [text(FILLER)])
        self._say("system", self.orders)
        self.orders = []

    def _assistant(self, path: str, message: Message) -> None:
        self._close_calls()
        thoughts = self._thoughts(path, message)
        said = render_content(message.get("content"), f"{path}.content", self.changes)
        refusal = message.get("refusal")
        if refusal and refusal.strip():
            said.append(text(refusal))
        calls = [
            self._call(f"{path}.tool_calls[{j}]", cast(Json, call))
            for j, call in enumerate(message.get("tool_calls") or ())
        ]
        if said or calls:
            self._order()
            self._say("assistant", [*thoughts, *said, *calls])
        if calls:
            # The turn of the results is there at once: whatever is said before the last of them comes after.
            self.results = []
            self.turns.append({"role": "user", "content": self.results})

    def _thoughts(self, path: str, message: Message) -> list[Json]:
        """Thinking, as it came: all of a turn's blocks or, where one of them is not signed, none."""
        told = message.get("thinking_blocks") or ()
        kept: list[Json] = []
        for block in told:
            match block:
                case {"type": "thinking", "signature": str(signature)} if signature:
                    thought = {
                        "type": "thinking",
                        "thinking": block.get("thinking") or "",
                        "signature": signature,
                    }
                    kept.append(thought)
                case {"type": "redacted_thinking", "data": str(data)} if data:
                    kept.append({"type": "redacted_thinking", "data": data})
                case _:
                    self.changes.append(
                        Change(f"{path}.thinking_blocks", "dropped", "not signed by Anthropic")
                    )
                    return []
        return kept

    def _call(self, path: str, call: Json) -> Json:
        function = call.get("function") or call.get("custom") or {}
        told = function.get("arguments", function.get("input"))
        given = arguments(told)
        if given is None:
            self.changes.append(
                Change(f"{path}.function.arguments", "emulated", "not a JSON object: wrapped")
            )
            given = {"arguments": told}
        original = str(call.get("id") or "")
        ours = self._unique(safe(original) or "call")
        self.waiting.setdefault(original, []).append(ours)
        block: Json = {
            "type": "tool_use",
            "id": ours,
            "name": tool_name(str(function.get("name") or "")),
            "input": given,
        }
        return _cached(block, call)

    def _result(self, path: str, message: Message) -> None:
        known = self.waiting.get(str(message.get("tool_call_id") or ""))
        if not known and self.waiting:
            self.astray.append((path, message))
            return
        if not known:
            self._say("user", self._unasked(path, message))
            return
        ours = known[0]
        if len(known) > 1:
            known.pop(0)  # calls that share an id are answered in their order
        self._answer(ours, path, message)

    def _answer(self, ours: str, path: str, message: Message) -> None:
        content = message.get("content")
        block: Json = {"type": "tool_result", "tool_use_id": ours}
        block["content"] = (
            content if isinstance(content, str) else render_content(content, f"{path}.content", self.changes)
        )
        if cast(Json, message).get("is_error") is True:
            block["is_error"] = True
        _cached(block, cast(Json, message))
        if ours in self.answered:
            self.changes.append(Change(path, "dropped", "a call has one result: the last of several is kept"))
            self.answered[ours].clear()
            self.answered[ours].update(block)
            return
        self.answered[ours] = block
        self.results.insert(self._results_so_far(), block)

    def _results_so_far(self) -> int:
        return sum(block["type"] == "tool_result" for block in self.results)

    def _unasked(self, path: str, message: Message) -> list[Json]:
        self.changes.append(Change(path, "emulated", "answers no call of the turn before: sent as user text"))
        return render_content(message.get("content"), f"{path}.content", self.changes) or [text(FILLER)]

    def _close_calls(self) -> None:
        """Answer the calls that nobody has: one left open is refused.

        As many results astray as there are calls open are theirs, in order: some clients mistake the ids.
        """
        open_ids = [
            ours for several in self.waiting.values() for ours in several if ours not in self.answered
        ]
        astray, self.astray = self.astray, []
        if len(astray) == len(open_ids):
            for ours, (path, message) in zip(open_ids, astray, strict=True):
                reason = "the call in its place has no other result"
                self.changes.append(Change(f"{path}.tool_call_id", "renamed", reason))
                self._answer(ours, path, message)
            open_ids, astray = [], []
        for ours in open_ids:
            self.changes.append(Change("messages", "injected", "a call without a result"))
            block = {"type": "tool_result", "tool_use_id": ours, "content": NO_RESULT, "is_error": True}
            self.results.insert(self._results_so_far(), block)
        after = self._results_so_far()
        self.results[after:after] = [
            block for path, message in astray for block in self._unasked(path, message)
        ]
        self.waiting.clear()
        self.answered.clear()

    def _unique(self, identity: str) -> str:
        unique, n = identity, 1
        while unique in self.used:
            n += 1
            unique = f"{identity}_{n}"
        self.used.add(unique)
        return unique


def safe(name: str) -> str:
    """The same name in letters, digits, `_` and `-`; one that had to change ends in a mark of what it was."""
    if not name or SAFE.fullmatch(name):
        return name
    mark = sha256(name.encode(errors="replace")).hexdigest()[:8]
    return f"{re.sub('[^a-zA-Z0-9_-]', '_', name)[:100]}_{mark}"


def tool_name(name: str) -> str:
    return (safe(name) or "tool")[:128]


def _instructions(message: Message, path: str, changes: list[Change]) -> list[Json]:
    blocks = render_content(message.get("content"), f"{path}.content", changes)
    if any(block["type"] != "text" for block in blocks):
        raise InvalidRequest(f"a {message.get('role')} message holds text only", param=f"{path}.content")
    return blocks


def _cached(block: Json, told: Json) -> Json:
    if isinstance(told.get("cache_control"), dict):
        block["cache_control"] = told["cache_control"]
    return block


def _strip_end(blocks: list[Json]) -> None:
    """Take the white space off the end of what the model is to continue: it is refused there."""
    if blocks[-1]["type"] == "text":
        blocks[-1] = {**blocks[-1], "text": blocks[-1]["text"].rstrip()}
