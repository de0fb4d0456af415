"""The conversation as Converse wants it: alternating turns, every call answered in the very next one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import cast

from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change, Kind
from vaultcore.dialects.bedrock.blocks import Content, text
from vaultcore.dialects.bedrock.family import Family
from vaultcore.dialects.payload import arguments
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json, Message

SYSTEM = ("system", "developer")
UNSAFE_ID = re.compile(r"[^a-zA-Z0-9_.:-]")
UNSAFE_NAME = re.compile(r"[^a-zA-Z0-9_-]")
LONGEST = 64  # characters of a call's id, and of a tool's name
FILLER = "."  # where a turn has to stand and there is nothing to say
NO_RESULT = "No result was given."
GO_ON = "Continue your last message from exactly where it stops, without repeating any of it."


@dataclass(slots=True)
class Turns:
    """Takes messages one by one and makes turns of them."""

    content: Content
    able: Capabilities
    family: Family
    turns: list[Json] = field(default_factory=list)
    used: set[str] = field(default_factory=set)  # ids of calls, unique over the conversation
    waiting: dict[str, list[str]] = field(default_factory=dict)  # the client's id -> ours, not yet answered
    answered: dict[str, Json] = field(default_factory=dict)  # our id -> its result
    results: list[Json] = field(default_factory=list)  # blocks of the turn that the results go to
    orders: list[Json] = field(default_factory=list)  # instructions that wait for the answer they are for

    def render(self, messages: Sequence[Message]) -> tuple[list[Json], list[Json]]:
        """The system blocks, of the messages that lead, and the turns of all others."""
        system: list[Json] = []
        start = 0
        while start < len(messages) and messages[start].get("role") in SYSTEM:
            if self.able.system is False:
                break
            system += self._instructions(messages[start], f"messages[{start}]")
            start += 1
        for i in range(start, len(messages)):
            self._take(f"messages[{i}]", messages[i])
        return system, self._settled()

    def _take(self, path: str, message: Message) -> None:
        role = message.get("role")
        match role:
            case "assistant":
                self._assistant(path, message)
            case "tool":
                self._result(path, cast(Json, message))
            case "user":
                self._user(path, message)
            case _:
                self._system(path, message)

    def _settled(self) -> list[Json]:
        self._close_calls()
        self._order()
        if not self.turns or self.turns[0]["role"] != "user":
            self._change("messages", "injected", "a conversation begins with the user")
            self.turns.insert(0, {"role": "user", "content": [text(FILLER)]})
        if self.turns[-1]["role"] == "assistant":
            self._settle_end()
        return self.turns if self.family.mixes else self._unmixed()

    def _settle_end(self) -> None:
        """What the model is to continue has no white space at its end, and not every model continues."""
        last = self.turns[-1]
        if "text" in last["content"][-1]:
            last["content"][-1] = text(last["content"][-1]["text"].rstrip())
        if not (self.family.continues if self.able.prefill is None else self.able.prefill):
            self._change("messages", "emulated", "asked to continue its own last message")
            self.turns.append({"role": "user", "content": [text(GO_ON)]})

    def _unmixed(self) -> list[Json]:
        """Turns in which results of tools stand alone."""
        out: list[Json] = []
        for turn in self.turns:
            results = [block for block in turn["content"] if "toolResult" in block]
            others = [block for block in turn["content"] if "toolResult" not in block]
            out.append({**turn, "content": results or others})
            if results and others:
                self._change("messages", "injected", "a turn between the results of tools and what is said")
                out.append({"role": "assistant", "content": [text(FILLER)]})
                out.append({**turn, "content": others})
        return out

    def _say(self, role: str, blocks: list[Json]) -> None:
        if not blocks:
            return
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"].extend(blocks)
        else:
            self.turns.append({"role": role, "content": blocks})

    def _user(self, path: str, message: Message) -> None:
        self._say_as_user(path, self.content.render(message.get("content"), f"{path}.content"))

    def _say_as_user(self, path: str, blocks: list[Json]) -> None:
        kinds = {kind for block in blocks for kind in block} - {"cachePoint"}
        if not kinds or ("document" in kinds and "text" not in kinds):
            self._change(f"{path}.content", "injected", "a turn without text is refused")
            blocks = [text(FILLER), *blocks] if kinds else [text(FILLER)]
        self._say("user", blocks)

    def _system(self, path: str, message: Message) -> None:
        blocks = self._instructions(message, path)
        if not blocks:
            return
        if self.able.mid_conversation_system is True:
            self.orders += blocks
            return
        self._change(path, "emulated", "instructions within the conversation go as user text")
        said = "\n".join(block["text"] for block in blocks if "text" in block)
        self._say("user", [text(f"<system>\n{said}\n</system>")])

    def _order(self) -> None:
        """Give the instructions that wait: behind a turn of the user's, and before an answer or last."""
        if not self.orders:
            return
        if not self.turns or self.turns[-1]["role"] != "user":
            self._change("messages", "injected", "instructions follow a turn of the user")
            self._say("user", [text(FILLER)])
        self._say("system", self.orders)
        self.orders = []

    def _instructions(self, message: Message, path: str) -> list[Json]:
        blocks = self.content.render(message.get("content"), f"{path}.content")
        if any("text" not in block and "cachePoint" not in block for block in blocks):
            raise InvalidRequest(f"a {message.get('role')} message holds text only", param=f"{path}.content")
        return blocks if any("text" in block for block in blocks) else []

    def _assistant(self, path: str, message: Message) -> None:
        self._close_calls()
        thoughts = self._thoughts(path, message)
        said = self.content.render(message.get("content"), f"{path}.content")
        if (refusal := message.get("refusal")) and refusal.strip():
            said.append(text(refusal))
        calls: list[Json] = []
        for j, call in enumerate(message.get("tool_calls") or ()):
            calls += self._call(f"{path}.tool_calls[{j}]", cast(Json, call))
        if any("cachePoint" not in block for block in [*said, *calls]):
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
                case {"type": "thinking", "signature": str(signature)} if signature and self._signs:
                    thought = {"text": block.get("thinking") or "", "signature": signature}
                    kept.append({"reasoningContent": {"reasoningText": thought}})
                case {"type": "redacted_thinking", "data": str(data)} if data and self._signs:
                    kept.append({"reasoningContent": {"redactedContent": data}})
                case _:
                    self._change(f"{path}.thinking_blocks", "dropped", "not signed by this model's publisher")
                    return []
        return kept

    @property
    def _signs(self) -> bool:
        """Whether reasoning that comes back has to be signed; other models are not shown any."""
        return self.family.reasoning == "thinking"

    def _call(self, path: str, call: Json) -> list[Json]:
        function = call.get("function") or call.get("custom") or {}
        told = function.get("arguments", function.get("input"))
        given = arguments(told)
        if given is None:
            self._change(f"{path}.function.arguments", "emulated", "not a JSON object: wrapped")
            given = {"arguments": told}
        original = str(call.get("id") or "")
        ours = self._unique(call_id(original))
        self.waiting.setdefault(original, []).append(ours)
        use = {"toolUseId": ours, "name": tool_name(str(function.get("name") or "")), "input": given}
        return [{"toolUse": use}, *self.content.mark(call, path)]

    def _result(self, path: str, message: Json) -> None:
        blocks = self.content.render(message.get("content"), f"{path}.content")
        if any("audio" in block for block in blocks):
            raise InvalidRequest("the result of a tool holds no sound", param=f"{path}.content")
        plain = [block for block in blocks if "cachePoint" not in block]
        original = str(message.get("tool_call_id") or "")
        known = self.waiting.get(original)
        if not known:
            self._change(path, "emulated", "answers no call of the turn before: sent as user text")
            self._say_as_user(path, plain)
            return
        if not plain:
            self._change(f"{path}.content", "injected", "a result without content is refused")
            plain = [text(FILLER)]
        ours = known[0]
        if len(known) > 1:
            known.pop(0)  # calls that share an id are answered in their order
        result: Json = {"toolUseId": ours, "content": plain}
        if message.get("is_error") is True:
            result["status"] = "error"
        if ours in self.answered:
            self._change(path, "dropped", "a call has one result: the last of several is kept")
            self.answered[ours].clear()
            self.answered[ours].update(result)
            return
        self.answered[ours] = result
        marks = [block for block in blocks if "cachePoint" in block] or self.content.mark(message, path)
        self._put_result([{"toolResult": result}, *marks[:1]])

    def _put_result(self, blocks: list[Json]) -> None:
        """Behind the results that are there, before anything said after them."""
        at = next(
            (i for i, block in enumerate(self.results) if not {"toolResult", "cachePoint"} & block.keys()),
            len(self.results),
        )
        self.results[at:at] = blocks

    def _close_calls(self) -> None:
        """Answer the calls that nobody has: one left open is refused."""
        for ours in [each for several in self.waiting.values() for each in several]:
            if ours not in self.answered:
                self._change("messages", "injected", "a call without a result")
                result = {"toolUseId": ours, "content": [text(NO_RESULT)], "status": "error"}
                self._put_result([{"toolResult": result}])
        self.waiting.clear()
        self.answered.clear()

    def _unique(self, identity: str) -> str:
        unique, n = identity, 1
        while unique in self.used:
            n += 1
            unique = f"{identity[: LONGEST - 6]}_{n}"
        self.used.add(unique)
        return unique

    def _change(self, path: str, kind: Kind, reason: str) -> None:
        self.content.changes.append(Change(path, kind, reason))


def call_id(told: str) -> str:
    return _safe(told, UNSAFE_ID) or "call"


def tool_name(told: str) -> str:
    return _safe(told, UNSAFE_NAME) or "tool"


def _safe(told: str, unsafe: re.Pattern[str]) -> str:
    """The same in what is allowed; one that had to change ends in a mark of what it was."""
    if len(told) <= LONGEST and not unsafe.search(told):
        return told
    mark = sha256(told.encode(errors="replace")).hexdigest()[:8]
    return f"{unsafe.sub('_', told)[: LONGEST - 9]}_{mark}"
