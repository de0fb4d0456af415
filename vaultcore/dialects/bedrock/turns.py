"""The conversation in Converse's blocks: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change, Kind
from vaultcore.dialects.bedrock.blocks import Content, text
from vaultcore.dialects.bedrock.publisher import Family
from vaultcore.dialects.conversation import FILLER, UNASKED, Call, Demands, Turns, marked
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json, Message

UNSAFE_ID = re.compile(r"[^a-zA-Z0-9_.:-]")
UNSAFE_NAME = re.compile(r"[^a-zA-Z0-9_-]")
LONGEST = 64  # characters of a call's id, and of a tool's name


def render_turns(
    messages: Sequence[Message], content: Content, able: Capabilities, family: Family
) -> tuple[list[Json], list[Json]]:
    """The system blocks, of the messages that lead, and the turns of all others."""
    demands = Demands(
        leads=able.system is not False,
        orders=able.mid_conversation_system is True,
        prefill=family.continues if able.prefill is None else able.prefill,
        mistaken=False,
        late="instructions within the conversation go as user text",
        unsigned="not signed by this model's publisher",
        stem=LONGEST - 6,
    )
    signs = family.reasoning == "thinking"
    system, turns = Turns(_Blocks(content, signs), demands, content.changes).render(messages)
    return system, turns if family.mixes else _unmixed(turns, content.changes)


def _unmixed(turns: list[Json], changes: list[Change]) -> list[Json]:
    """Turns in which results of tools stand alone."""
    out: list[Json] = []
    for turn in turns:
        results = [block for block in turn["content"] if "toolResult" in block]
        others = [block for block in turn["content"] if "toolResult" not in block]
        out.append({**turn, "content": results or others})
        if results and others:
            reason = "a turn between the results of tools and what is said"
            changes.append(Change("messages", "injected", reason))
            out.append({"role": "assistant", "content": [text(FILLER)]})
            out.append({**turn, "content": others})
    return out


@dataclass(frozen=True, slots=True)
class _Blocks:
    parts: Content
    signs: bool  # whether reasoning that comes back has to be signed; other models are not shown any

    def text(self, words: str) -> Json:
        return text(words)

    def kind(self, block: Json) -> Literal["text", "result", "mark", "other"]:
        match block:
            case {"text": _}:
                return "text"
            case {"toolResult": _}:
                return "result"
            case {"cachePoint": _}:
                return "mark"
            case _:
                return "other"

    def content(self, told: object, path: str) -> list[Json]:
        return self.parts.render(told, path)

    def user(self, path: str, blocks: list[Json]) -> list[Json]:
        kinds = {kind for block in blocks for kind in block} - {"cachePoint"}
        if kinds and ("document" not in kinds or "text" in kinds):
            return blocks
        self._change(f"{path}.content", "injected", "a turn without text is refused")
        return [text(FILLER), *blocks] if kinds else [text(FILLER)]

    def thought(self, told: Json) -> Json | None:
        match told:
            case {"type": "thinking", "signature": str(signature)} if signature and self.signs:
                thought = {"text": told.get("thinking") or "", "signature": signature}
                return {"reasoningContent": {"reasoningText": thought}}
            case {"type": "redacted_thinking", "data": str(data)} if data and self.signs:
                return {"reasoningContent": {"redactedContent": data}}
            case _:
                return None

    def call_id(self, told: str) -> str:
        return _safe(told, UNSAFE_ID) or "call"

    def call(self, path: str, told: Json, call: Call) -> list[Json]:
        use = {"toolUseId": call.id, "name": tool_name(call.name), "input": call.given}
        return [{"toolUse": use}, *self.parts.mark(told, path)]

    def result(self, path: str, message: Json, ours: str, *, again: bool) -> list[Json]:
        blocks = self._given(path, message)
        plain = [block for block in blocks if "cachePoint" not in block]
        if not plain:
            self._change(f"{path}.content", "injected", "a result without content is refused")
            plain = [text(FILLER)]
        result: Json = {"toolUseId": ours, "content": plain}
        if message.get("is_error") is True:
            result["status"] = "error"
        if again:
            return [{"toolResult": result}]
        marks = [block for block in blocks if "cachePoint" in block] or self.parts.mark(message, path)
        return [{"toolResult": result}, *marks[:1]]

    def failure(self, ours: str, words: str) -> Json:
        return {"toolResult": {"toolUseId": ours, "content": [text(words)], "status": "error"}}

    def unasked(self, path: str, message: Json) -> list[Json]:
        blocks = self._given(path, message)
        self._change(path, "emulated", UNASKED)
        return self.user(path, [block for block in blocks if "cachePoint" not in block])

    def _given(self, path: str, message: Json) -> list[Json]:
        blocks = self.content(message.get("content"), f"{path}.content")
        if any("audio" in block for block in blocks):
            raise InvalidRequest("the result of a tool holds no sound", param=f"{path}.content")
        return blocks

    def _change(self, path: str, kind: Kind, reason: str) -> None:
        self.parts.changes.append(Change(path, kind, reason))


def tool_name(told: str) -> str:
    return _safe(told, UNSAFE_NAME) or "tool"


def _safe(told: str, unsafe: re.Pattern[str]) -> str:
    """The same in what is allowed; one that had to change ends in a mark of what it was."""
    if len(told) <= LONGEST and not unsafe.search(told):
        return told
    return marked(told, unsafe, LONGEST - 9)
