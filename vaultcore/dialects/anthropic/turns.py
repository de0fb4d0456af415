"""The conversation in Anthropic's blocks: https://platform.claude.com/docs/en/api/messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vaultcore.dialects import Change
from vaultcore.dialects.anthropic.blocks import render_content, text
from vaultcore.dialects.conversation import FILLER, UNASKED, Call, Demands, Turns, marked
from vaultcore.wire import Json, Message

UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")


def render_turns(
    messages: Sequence[Message], changes: list[Change], *, system_role: bool, prefill: bool
) -> tuple[list[Json], list[Json]]:
    """The blocks of the system messages that lead, and the turns of all others."""
    demands = Demands(
        leads=True,
        orders=system_role,
        prefill=prefill,
        mistaken=True,
        late="instructions after the first turn go as user text",
        unsigned="not signed by Anthropic",
    )
    return Turns(_Blocks(changes), demands, changes).render(messages)


@dataclass(frozen=True, slots=True)
class _Blocks:
    changes: list[Change]

    def text(self, words: str) -> Json:
        return text(words)

    def kind(self, block: Json) -> Literal["text", "result", "mark", "other"]:
        match block["type"]:
            case "text":
                return "text"
            case "tool_result":
                return "result"
            case _:
                return "other"

    def content(self, told: object, path: str) -> list[Json]:
        return render_content(told, path, self.changes)

    def user(self, path: str, blocks: list[Json]) -> list[Json]:
        if not blocks:
            self.changes.append(Change(f"{path}.content", "injected", "an empty turn is refused"))
        return blocks or [text(FILLER)]

    def thought(self, told: Json) -> Json | None:
        match told:
            case {"type": "thinking", "signature": str(signature)} if signature:
                return {"type": "thinking", "thinking": told.get("thinking") or "", "signature": signature}
            case {"type": "redacted_thinking", "data": str(data)} if data:
                return {"type": "redacted_thinking", "data": data}
            case _:
                return None

    def call_id(self, told: str) -> str:
        return _safe(told) or "call"

    def call(self, path: str, told: Json, call: Call) -> list[Json]:  # noqa: ARG002 - drops nothing
        block = {"type": "tool_use", "id": call.id, "name": tool_name(call.name), "input": call.given}
        return [{**block, **_cache(told)}]

    def result(self, path: str, message: Json, ours: str, *, again: bool) -> list[Json]:  # noqa: ARG002 - no marks
        told = message.get("content")
        content = told if isinstance(told, str) else self.content(told, f"{path}.content")
        error = {"is_error": True} if message.get("is_error") is True else {}
        block = {"type": "tool_result", "tool_use_id": ours, "content": content}
        return [{**block, **error, **_cache(message)}]

    def failure(self, ours: str, words: str) -> Json:
        return {"type": "tool_result", "tool_use_id": ours, "content": words, "is_error": True}

    def unasked(self, path: str, message: Json) -> list[Json]:
        self.changes.append(Change(path, "emulated", UNASKED))
        return self.content(message.get("content"), f"{path}.content") or [text(FILLER)]


def tool_name(name: str) -> str:
    return (_safe(name) or "tool")[:128]


def _safe(name: str) -> str:
    """The same name in letters, digits, `_` and `-`; one that had to change ends in a mark of what it was."""
    return marked(name, UNSAFE, 100) if UNSAFE.search(name) else name


def _cache(told: Json) -> Json:
    mark = told.get("cache_control")
    return {"cache_control": mark} if isinstance(mark, dict) else {}
