"""Builds conversations for providers whose roles alternate and whose results follow their calls at once.

Anthropic Messages and Bedrock Converse demand this. A format supplies how parts are written, `PartWriter`,
and what its models accept, `ConversationRules`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field
from hashlib import sha256
from typing import Literal, Protocol

from vaultcore.casts import cast
from vaultcore.dialects import Change, ChangeKind
from vaultcore.dialects.cache_marks import mark_last_part
from vaultcore.dialects.call_pairing import MISSING_RESULT, REPEATED_RESULT, function_name
from vaultcore.dialects.json_fields import parse_arguments
from vaultcore.dialects.prompts import CONTINUE_PROMPT, FILLER, NO_RESULT
from vaultcore.dialects.turn_order import split_content, turn_parts
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json, Message

SYSTEM = ("system", "developer")


@dataclass(frozen=True, slots=True)
class ParsedToolCall:
    """A tool call with a unique id and an object as arguments."""

    id: str
    name: str
    arguments: Json


class PartWriter(Protocol):
    """Writes content parts, tool calls and tool results in one format.

    `path` is the position in the client's request, for errors and changes.
    """

    def text(self, content: str) -> Json: ...

    def kind(self, part: Json) -> Literal["text", "result", "mark", "other"]:
        """Return the kind of a rendered part. A `mark` is a cache mark for the part before it."""
        ...

    def content(self, content: object, path: str) -> list[Json]: ...

    def user(self, path: str, parts: list[Json]) -> list[Json]:
        """Return the parts of a user message, with a filler if the format rejects them otherwise."""
        ...

    def reasoning(self, reasoning: Json) -> Json | None:
        """Return a thinking block in the format, or None if the model would reject it as foreign."""
        ...

    def call_id(self, client_id: str) -> str: ...

    def call(self, path: str, source: Json, call: ParsedToolCall) -> list[Json]: ...

    def result(self, path: str, message: Json, call_id: str, *, again: bool) -> list[Json]:
        """Return the part of a result and its cache mark; no mark if the call has a result already."""
        ...

    def missing_result(self, call_id: str, text: str) -> Json:
        """Return a failed result for a call that the client left without one."""
        ...

    def orphan_result(self, path: str, message: Json) -> list[Json]:
        """Return a result that belongs to no call as user parts."""
        ...


@dataclass(frozen=True, slots=True)
class ConversationRules:
    """The conversations that a model accepts, and the reasons for the changes that follow."""

    system_first: bool  # system messages before all others have a place of their own
    system_inline: bool  # system messages between others are accepted
    prefill: bool  # the model continues a trailing assistant message
    matches_unknown_ids: bool  # results with unknown ids are matched to open calls in order
    inline_system_reason: str  # why system messages between others become user text
    unsigned_reason: str  # why reasoning is dropped
    id_stem: int | None = None  # characters of a call id that precede the number of a duplicate


@dataclass(slots=True)
class AlternatingConversation:
    """Turns chat messages into alternating messages with paired tool results."""

    writer: PartWriter
    rules: ConversationRules
    changes: list[Change]
    conversation: list[Json] = field(default_factory=list)
    used_ids: set[str] = field(default_factory=set)  # of calls, unique in the conversation
    open_calls: dict[str, list[str]] = field(default_factory=dict)  # the client's id -> rendered ids
    results_by_call: dict[str, Json] = field(default_factory=dict)  # rendered id -> result part
    results: list[Json] = field(default_factory=list)  # parts of the message that the results go to
    orphans: list[tuple[str, Json]] = field(default_factory=list)  # path and message of unmatched results
    instructions: list[Json] = field(default_factory=list)  # system parts that precede the next assistant

    def render(self, messages: Sequence[Message]) -> tuple[list[Json], list[Json]]:
        """Return the parts of the leading system messages, and the conversation. Raise InvalidRequest."""
        messages = [self._mark(i, message) for i, message in enumerate(messages)]
        system: list[Json] = []
        start = 0
        while self.rules.system_first and start < len(messages) and messages[start].get("role") in SYSTEM:
            system += self._system_parts(f"messages[{start}]", messages[start])
            start += 1
        for i in range(start, len(messages)):
            self._add(f"messages[{i}]", messages[i])
        return system, self._finish()

    def _mark(self, i: int, message: Message) -> Message:
        marked = mark_last_part(message)
        if "cache_control" in marked and message.get("role") != "tool":
            self._report(f"messages[{i}].cache_control", "dropped", "there is no content to cache")
        return marked

    def _add(self, path: str, message: Message) -> None:
        match message.get("role"):
            case "assistant":
                self._add_assistant(path, message)
            case "tool":
                self._add_result(path, cast(Json, message))
            case "user":
                self._append("user", self.writer.user(path, self._content(path, message)))
            case _:
                self._add_system(path, message)

    def _finish(self) -> list[Json]:
        self._close_calls()
        self._flush_instructions()
        if not self.conversation or self.conversation[0]["role"] != "user":
            self._report("messages", "injected", "the first message must be the user's")
            self.conversation.insert(0, {"role": "user", "content": [self.writer.text(FILLER)]})
        if self.conversation[-1]["role"] == "assistant":
            self._finish_prefill(self.conversation[-1]["content"])
        return self.conversation

    def _finish_prefill(self, parts: list[Json]) -> None:
        """Strip trailing white space, which providers reject in a prefill; ask models without prefill."""
        if self.writer.kind(parts[-1]) == "text":
            parts[-1] = {**parts[-1], "text": parts[-1]["text"].rstrip()}
        if not self.rules.prefill:
            self._report("messages", "emulated", "a user message asks the model to continue its last one")
            self.conversation.append({"role": "user", "content": [self.writer.text(CONTINUE_PROMPT)]})

    def _append(self, role: str, parts: list[Json]) -> None:
        if not parts:
            return
        if self.conversation and self.conversation[-1]["role"] == role:
            self.conversation[-1]["content"].extend(parts)
        else:
            self.conversation.append({"role": role, "content": parts})

    def _content(self, path: str, message: Message) -> list[Json]:
        return self.writer.content(message.get("content"), f"{path}.content")

    def _add_system(self, path: str, message: Message) -> None:
        parts = self._system_parts(path, message)
        if not parts:
            return
        if self.rules.system_inline:
            self.instructions += parts
            return
        self._report(path, "emulated", self.rules.inline_system_reason)
        text = "\n".join(part["text"] for part in parts if self.writer.kind(part) == "text")
        self._append("user", [self.writer.text(f"<system>\n{text}\n</system>")])

    def _system_parts(self, path: str, message: Message) -> list[Json]:
        parts = self._content(path, message)
        kinds = {self.writer.kind(part) for part in parts}
        if kinds - {"text", "mark"}:
            text = f"a {message.get('role')} message must contain text only"
            raise InvalidRequest(text, param=f"{path}.content")
        return parts if "text" in kinds else []

    def _flush_instructions(self) -> None:
        """Add pending system parts: after a user message, and before an assistant message or at the end."""
        if not self.instructions:
            return
        if not self.conversation or self.conversation[-1]["role"] != "user":
            self._report("messages", "injected", "a system message must follow a user message")
            self._append("user", [self.writer.text(FILLER)])
        self._append("system", self.instructions)
        self.instructions = []

    def _add_assistant(self, path: str, message: Message) -> None:
        self._close_calls()
        reasoning = self._reasoning(path, message)
        content = self._content(path, message)
        if (refusal := message.get("refusal")) and refusal.strip():
            content.append(self.writer.text(refusal))
        calls = [
            self._call(f"{path}.tool_calls[{j}]", cast(Json, call))
            for j, call in enumerate(message.get("tool_calls") or ())
        ]
        turn = self._in_order(message.get("thinking_blocks") or (), reasoning, content, calls)
        if any(self.writer.kind(part) != "mark" for part in turn):
            self._flush_instructions()
            self._append("assistant", turn)
        if calls:
            # Add the message of the results now: user text before the last result must come after them.
            self.results = []
            self.conversation.append({"role": "user", "content": self.results})

    def _in_order(
        self, blocks: Sequence[Json], reasoning: list[Json], content: list[Json], calls: list[list[Json]]
    ) -> list[Json]:
        """Return the parts of an assistant's turn in the order in which its model has written them."""
        if not reasoning or all("position" not in block for block in blocks):
            return [*reasoning, *content, *(part for call in calls for part in call)]
        turn: list[Json] = []
        texts = [part for part in content if self.writer.kind(part) == "text"]
        length = sum(len(part["text"]) for part in texts)
        for part in turn_parts(blocks, length, len(calls)):
            match part.kind:
                case "reasoning":
                    turn.append(reasoning[part.start])
                case "text":
                    pieces = split_content(content, part.start, part.end)
                    turn += [piece for piece in pieces if not _is_blank(piece)]
                case "call":
                    turn += calls[part.start]
        return turn

    def _reasoning(self, path: str, message: Message) -> list[Json]:
        """Return all reasoning parts of the message, or none if one of them is not signed."""
        parts: list[Json] = []
        for block in message.get("thinking_blocks") or ():
            part = self.writer.reasoning(block)
            if part is None:
                self._report(f"{path}.thinking_blocks", "dropped", self.rules.unsigned_reason)
                return []
            parts.append(part)
        return parts

    def _call(self, path: str, call: Json) -> list[Json]:
        function = call.get("function") or call.get("custom") or {}
        text = function.get("arguments", function.get("input"))
        arguments = parse_arguments(text)
        if arguments is None:
            self._report(f"{path}.function.arguments", "emulated", "wrapped: the text is not a JSON object")
            arguments = {"arguments": text}
        client_id = str(call.get("id") or "")
        call_id = self._unique_id(self.writer.call_id(client_id))
        self.open_calls.setdefault(client_id, []).append(call_id)
        return self.writer.call(path, call, ParsedToolCall(call_id, function_name(function), arguments))

    def _unique_id(self, call_id: str) -> str:
        unique, n = call_id, 1
        while unique in self.used_ids:
            n += 1
            unique = f"{call_id[: self.rules.id_stem]}_{n}"
        self.used_ids.add(unique)
        return unique

    def _add_result(self, path: str, message: Json) -> None:
        call_ids = self.open_calls.get(str(message.get("tool_call_id") or ""))
        if not call_ids and self.open_calls and self.rules.matches_unknown_ids:
            self.orphans.append((path, message))
            return
        if not call_ids:
            self._append("user", self.writer.orphan_result(path, message))
            return
        call_id = call_ids[0]
        if len(call_ids) > 1:
            call_ids.pop(0)  # calls with the same id get their results in order
        self._put_result(call_id, path, message)

    def _put_result(self, call_id: str, path: str, message: Json) -> None:
        existing = self.results_by_call.get(call_id)
        parts = self.writer.result(path, message, call_id, again=existing is not None)
        if existing is None:
            self.results_by_call[call_id] = parts[0]
            self._insert_results(parts)
            return
        self._report(path, "dropped", REPEATED_RESULT)
        existing.clear()
        existing.update(parts[0])

    def _insert_results(self, parts: list[Json]) -> None:
        """Insert after the existing results and before other content."""
        others = (i for i, part in enumerate(self.results) if self.writer.kind(part) in {"text", "other"})
        position = next(others, len(self.results))
        self.results[position:position] = parts

    def _close_calls(self) -> None:
        """Add failed results for open calls: providers reject a call without a result.

        If there are as many unmatched results as open calls, they belong together in order: some clients send
        wrong ids.
        """
        if not self.open_calls and not self.orphans:  # before most messages
            self.results_by_call.clear()
            return
        call_ids = [call_id for ids in self.open_calls.values() for call_id in ids]
        missing = [call_id for call_id in call_ids if call_id not in self.results_by_call]
        orphans, self.orphans = self.orphans, []
        if len(orphans) == len(missing):
            for call_id, (path, message) in zip(missing, orphans, strict=True):
                reason = "the id is unknown: matched to the call at its position"
                self._report(f"{path}.tool_call_id", "renamed", reason)
                self._put_result(call_id, path, message)
            missing, orphans = [], []
        for call_id in missing:
            self._report("messages", "injected", MISSING_RESULT)
            self._insert_results([self.writer.missing_result(call_id, NO_RESULT)])
        self._insert_results([part for orphan in orphans for part in self.writer.orphan_result(*orphan)])
        self.open_calls.clear()
        self.results_by_call.clear()

    def _report(self, path: str, kind: ChangeKind, reason: str) -> None:
        self.changes.append(Change(path, kind, reason))


def _is_blank(part: Json) -> bool:
    """Return True for a text of white space only, which providers reject as a part of its own."""
    return isinstance(part.get("text"), str) and not part["text"].strip()


def shorten_name(name: str, unsafe: re.Pattern[str], max_length: int) -> str:
    """Return `name` without unsafe characters, cut to `max_length`, and with a hash of the original.

    >>> shorten_name("get weather", re.compile(" "), 100)
    'get_weather_dce3870e'
    """
    digest = sha256(name.encode(errors="replace")).hexdigest()[:8]
    return f"{unsafe.sub('_', name)[:max_length]}_{digest}"
