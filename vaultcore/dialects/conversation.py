"""Turns that alternate, every call answered in the very next one: what Anthropic and Converse want.

The machine is here; how blocks are written is a format's own, `Blocks`, as is what else it wants, `Demands`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal, Protocol, cast

from vaultcore.dialects import Change, Kind
from vaultcore.dialects.json_fields import arguments
from vaultcore.dialects.tool_call_pairing import NO_RESULT, called
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json, Message

SYSTEM = ("system", "developer")
FILLER = "."  # where a turn has to stand and there is nothing to say
GO_ON = "Continue your last message from exactly where it stops, without repeating any of it."
UNASKED = "answers no call of the turn before: sent as user text"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool, its id unique and its arguments an object."""

    id: str
    name: str
    given: Json


class Blocks(Protocol):
    """How a format writes what is said, asked and answered."""

    def text(self, words: str) -> Json: ...

    def kind(self, block: Json) -> Literal["text", "result", "mark", "other"]:
        """What a block is; a mark says nothing, it belongs to the block before it."""
        ...

    def content(self, told: object, path: str) -> list[Json]: ...

    def user(self, path: str, blocks: list[Json]) -> list[Json]:
        """What the user says, with what such a turn cannot be without."""
        ...

    def thought(self, told: Json) -> Json | None:
        """Thinking, as it came; None where the model would not know it for its own."""
        ...

    def call_id(self, told: str) -> str: ...

    def call(self, path: str, told: Json, call: Call) -> list[Json]: ...

    def result(self, path: str, message: Json, ours: str, *, again: bool) -> list[Json]:
        """The block of a result and, unless the call has one already, its mark."""
        ...

    def failure(self, ours: str, words: str) -> Json: ...

    def unasked(self, path: str, message: Json) -> list[Json]:
        """The result of a call that nobody made, as the user's words."""
        ...


@dataclass(frozen=True, slots=True)
class Demands:
    """What a model takes, and why it is given what it is."""

    leads: bool  # instructions stand before the turns
    orders: bool  # instructions stand between the turns
    prefill: bool  # the model continues an answer
    mistaken: bool  # results whose ids are unknown wait: they may be of calls left open
    late: str  # why instructions within the conversation go as user text
    unsigned: str  # why thoughts are left out
    stem: int | None = None  # characters of an id that a number may follow


@dataclass(slots=True)
class Turns:
    """Takes messages one by one and makes turns of them."""

    blocks: Blocks
    demands: Demands
    changes: list[Change]
    turns: list[Json] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # ids of calls, unique over the conversation
    waiting: dict[str, list[str]] = field(default_factory=dict)  # the client's id -> ours, not yet answered
    answered: dict[str, Json] = field(default_factory=dict)  # our id -> its result
    results: list[Json] = field(default_factory=list)  # blocks of the turn that the results go to
    astray: list[tuple[str, Json]] = field(default_factory=list)  # results of calls that nobody made
    orders: list[Json] = field(default_factory=list)  # instructions that wait for the answer they are for

    def render(self, messages: Sequence[Message]) -> tuple[list[Json], list[Json]]:
        """The system blocks, of the messages that lead, and the turns of all others."""
        system: list[Json] = []
        start = 0
        while self.demands.leads and start < len(messages) and messages[start].get("role") in SYSTEM:
            system += self._instructions(f"messages[{start}]", messages[start])
            start += 1
        for i in range(start, len(messages)):
            self._take(f"messages[{i}]", messages[i])
        return system, self._settled()

    def _take(self, path: str, message: Message) -> None:
        match message.get("role"):
            case "assistant":
                self._assistant(path, message)
            case "tool":
                self._result(path, cast(Json, message))
            case "user":
                self._say("user", self.blocks.user(path, self._content(path, message)))
            case _:
                self._system(path, message)

    def _settled(self) -> list[Json]:
        self._close_calls()
        self._order()
        if not self.turns or self.turns[0]["role"] != "user":
            self._change("messages", "injected", "a conversation begins with the user")
            self.turns.insert(0, {"role": "user", "content": [self.blocks.text(FILLER)]})
        if self.turns[-1]["role"] == "assistant":
            self._settle_end(self.turns[-1]["content"])
        return self.turns

    def _settle_end(self, said: list[Json]) -> None:
        """What the model is to continue has no white space at its end, and not every model continues."""
        if self.blocks.kind(said[-1]) == "text":
            said[-1] = {**said[-1], "text": said[-1]["text"].rstrip()}
        if not self.demands.prefill:
            self._change("messages", "emulated", "asked to continue its own last message")
            self.turns.append({"role": "user", "content": [self.blocks.text(GO_ON)]})

    def _say(self, role: str, blocks: list[Json]) -> None:
        if not blocks:
            return
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"].extend(blocks)
        else:
            self.turns.append({"role": role, "content": blocks})

    def _content(self, path: str, message: Message) -> list[Json]:
        return self.blocks.content(message.get("content"), f"{path}.content")

    def _system(self, path: str, message: Message) -> None:
        blocks = self._instructions(path, message)
        if not blocks:
            return
        if self.demands.orders:
            self.orders += blocks
            return
        self._change(path, "emulated", self.demands.late)
        said = "\n".join(block["text"] for block in blocks if self.blocks.kind(block) == "text")
        self._say("user", [self.blocks.text(f"<system>\n{said}\n</system>")])

    def _instructions(self, path: str, message: Message) -> list[Json]:
        blocks = self._content(path, message)
        kinds = {self.blocks.kind(block) for block in blocks}
        if kinds - {"text", "mark"}:
            raise InvalidRequest(f"a {message.get('role')} message holds text only", param=f"{path}.content")
        return blocks if "text" in kinds else []

    def _order(self) -> None:
        """Give the instructions that wait: behind a turn of the user's, and before an answer or last."""
        if not self.orders:
            return
        if not self.turns or self.turns[-1]["role"] != "user":
            self._change("messages", "injected", "instructions follow a turn of the user")
            self._say("user", [self.blocks.text(FILLER)])
        self._say("system", self.orders)
        self.orders = []

    def _assistant(self, path: str, message: Message) -> None:
        self._close_calls()
        thoughts = self._thoughts(path, message)
        said = self._content(path, message)
        if (refusal := message.get("refusal")) and refusal.strip():
            said.append(self.blocks.text(refusal))
        calls: list[Json] = []
        for j, call in enumerate(message.get("tool_calls") or ()):
            calls += self._call(f"{path}.tool_calls[{j}]", cast(Json, call))
        if any(self.blocks.kind(block) != "mark" for block in [*said, *calls]):
            self._order()
            self._say("assistant", [*thoughts, *said, *calls])
        if calls:
            # The turn of the results is there at once: whatever is said before the last of them comes after.
            self.results = []
            self.turns.append({"role": "user", "content": self.results})

    def _thoughts(self, path: str, message: Message) -> list[Json]:
        """Thinking, as it came: all of a turn's blocks or, where one of them is not signed, none."""
        kept: list[Json] = []
        for told in message.get("thinking_blocks") or ():
            thought = self.blocks.thought(told)
            if thought is None:
                self._change(f"{path}.thinking_blocks", "dropped", self.demands.unsigned)
                return []
            kept.append(thought)
        return kept

    def _call(self, path: str, call: Json) -> list[Json]:
        function = call.get("function") or call.get("custom") or {}
        told = function.get("arguments", function.get("input"))
        given = arguments(told)
        if given is None:
            self._change(f"{path}.function.arguments", "emulated", "not a JSON object: wrapped")
            given = {"arguments": told}
        original = str(call.get("id") or "")
        ours = self._unique(self.blocks.call_id(original))
        self.waiting.setdefault(original, []).append(ours)
        return self.blocks.call(path, call, Call(ours, called(function), given))

    def _unique(self, identity: str) -> str:
        unique, n = identity, 1
        while unique in self.used:
            n += 1
            unique = f"{identity[: self.demands.stem]}_{n}"
        self.used.add(unique)
        return unique

    def _result(self, path: str, message: Json) -> None:
        known = self.waiting.get(str(message.get("tool_call_id") or ""))
        if not known and self.waiting and self.demands.mistaken:
            self.astray.append((path, message))
            return
        if not known:
            self._say("user", self.blocks.unasked(path, message))
            return
        ours = known[0]
        if len(known) > 1:
            known.pop(0)  # calls that share an id are answered in their order
        self._answer(ours, path, message)

    def _answer(self, ours: str, path: str, message: Json) -> None:
        before = self.answered.get(ours)
        blocks = self.blocks.result(path, message, ours, again=before is not None)
        if before is None:
            self.answered[ours] = blocks[0]
            self._put_results(blocks)
            return
        self._change(path, "dropped", "a call has one result: the last of several is kept")
        before.clear()
        before.update(blocks[0])

    def _put_results(self, blocks: list[Json]) -> None:
        """Behind the results that are there, before anything said after them."""
        said = (i for i, block in enumerate(self.results) if self.blocks.kind(block) in {"text", "other"})
        at = next(said, len(self.results))
        self.results[at:at] = blocks

    def _close_calls(self) -> None:
        """Answer the calls that nobody has: one left open is refused.

        As many results astray as there are calls open are theirs, in order: some clients mistake the ids.
        """
        made = [ours for several in self.waiting.values() for ours in several]
        open_ids = [ours for ours in made if ours not in self.answered]
        astray, self.astray = self.astray, []
        if len(astray) == len(open_ids):
            for ours, (path, message) in zip(open_ids, astray, strict=True):
                reason = "the call in its place has no other result"
                self._change(f"{path}.tool_call_id", "renamed", reason)
                self._answer(ours, path, message)
            open_ids, astray = [], []
        for ours in open_ids:
            self._change("messages", "injected", "a call without a result")
            self._put_results([self.blocks.failure(ours, NO_RESULT)])
        self._put_results([block for told in astray for block in self.blocks.unasked(*told)])
        self.waiting.clear()
        self.answered.clear()

    def _change(self, path: str, kind: Kind, reason: str) -> None:
        self.changes.append(Change(path, kind, reason))


def marked(told: str, unsafe: re.Pattern[str], most: int) -> str:
    """A name without what is unsafe, `most` characters of it, and at its end a mark of what it was."""
    mark = sha256(told.encode(errors="replace")).hexdigest()[:8]
    return f"{unsafe.sub('_', told)[:most]}_{mark}"
