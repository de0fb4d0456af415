"""The conversation as Converse's messages.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import dropwhile
from typing import TYPE_CHECKING, Literal

from vaultcore.casts import cast
from vaultcore.catalog.schema import Capabilities
from vaultcore.dialects import Change, ChangeKind
from vaultcore.dialects.bedrock.parts import ConversePartRenderer
from vaultcore.dialects.bedrock.publisher import Publisher
from vaultcore.dialects.call_pairing import ORPHAN_RESULT
from vaultcore.dialects.conversation import (
    AlternatingConversation,
    ConversationRules,
    ParsedToolCall,
    shorten_name,
)
from vaultcore.dialects.prompts import FILLER
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json, Message

if TYPE_CHECKING:
    from vaultcore.dialects.bedrock.wire import ConverseBlock, ConverseMessage

UNSAFE_ID = re.compile(r"[^a-zA-Z0-9_.:-]")
MAX_ID = 64  # characters of a call id


def render_conversation(
    messages: Sequence[Message],
    parts: ConversePartRenderer,
    capabilities: Capabilities,
    publisher: Publisher,
) -> tuple[list[ConverseBlock], list[ConverseMessage]]:
    """Return the blocks of the leading system messages, and all other messages."""
    rules = ConversationRules(
        system_first=capabilities.system is not False,
        system_inline=capabilities.mid_conversation_system is True,
        prefill=publisher.prefill if capabilities.prefill is None else capabilities.prefill,
        matches_unknown_ids=False,
        inline_system_reason="sent as user text: this model accepts no system message here",
        unsigned_reason="this model accepts reasoning with its publisher's signature only",
        id_stem=MAX_ID - 6,
    )
    writer = _ConversePartWriter(parts, publisher.reasoning == "thinking")
    system, rendered = AlternatingConversation(writer, rules, parts.changes).render(messages)
    conversation = cast("list[ConverseMessage]", rendered)
    if not publisher.mixes_results:
        conversation = _separate_results(conversation, parts.changes)
    return cast("list[ConverseBlock]", system), conversation


def _separate_results(messages: list[ConverseMessage], changes: list[Change]) -> list[ConverseMessage]:
    """Return messages in which tool results stand alone."""
    separated: list[ConverseMessage] = []
    for message in messages:
        results = [block for block in message["content"] if "toolResult" in block]
        others = [block for block in message["content"] if "toolResult" not in block]
        if results and any("cachePoint" in block for block in others[:1]):
            others = list(dropwhile(lambda block: "cachePoint" in block, others))
            changes.append(Change("messages", "dropped", "a cache point cannot start a message"))
        separated.append({"role": message["role"], "content": results or others})
        if results and others:
            reason = "this model needs a message between tool results and other content"
            changes.append(Change("messages", "injected", reason))
            separated.append({"role": "assistant", "content": [{"text": FILLER}]})
            separated.append({"role": message["role"], "content": others})
    return separated


@dataclass(frozen=True, slots=True)
class _ConversePartWriter:
    """Writes the parts of a conversation as content blocks."""

    parts: ConversePartRenderer
    accepts_reasoning: bool  # signed reasoning of earlier messages; other models get none

    def text(self, content: str) -> Json:
        return {"text": content}

    def kind(self, part: Json) -> Literal["text", "result", "mark", "other"]:
        match part:
            case {"text": _}:
                return "text"
            case {"toolResult": _}:
                return "result"
            case {"cachePoint": _}:
                return "mark"
            case _:
                return "other"

    def content(self, content: object, path: str) -> list[Json]:
        return self.parts.render(content, path)

    def user(self, path: str, parts: list[Json]) -> list[Json]:
        kinds = {kind for part in parts for kind in part} - {"cachePoint"}
        if kinds and ("document" not in kinds or "text" in kinds):
            return parts
        self._change(f"{path}.content", "injected", "Bedrock rejects a message without text")
        return [self.text(FILLER), *parts] if kinds else [self.text(FILLER)]

    def reasoning(self, reasoning: Json) -> Json | None:
        match reasoning:
            case {"type": "thinking", "signature": str(signature)} if signature and self.accepts_reasoning:
                text = {"text": reasoning.get("thinking") or "", "signature": signature}
                return {"reasoningContent": {"reasoningText": text}}
            case {"type": "redacted_thinking", "data": str(data)} if data and self.accepts_reasoning:
                return {"reasoningContent": {"redactedContent": data}}
            case _:
                return None

    def call_id(self, client_id: str) -> str:
        if len(client_id) <= MAX_ID and not UNSAFE_ID.search(client_id):
            return client_id or "call"
        return shorten_name(client_id, UNSAFE_ID, MAX_ID - 9)

    def call(self, path: str, source: Json, call: ParsedToolCall) -> list[Json]:
        tool_use = {"toolUseId": call.id, "name": call.name, "input": call.arguments}
        return [{"toolUse": tool_use}, *self._cache_point(source, path)]

    def result(self, path: str, message: Json, call_id: str, *, again: bool) -> list[Json]:
        parts = self._result_content(path, message)
        content = [part for part in parts if "cachePoint" not in part]
        if not content:
            self._change(f"{path}.content", "injected", "Bedrock rejects an empty tool result")
            content = [self.text(FILLER)]
        result: Json = {"toolUseId": call_id, "content": content}
        if message.get("is_error") is True:
            result["status"] = "error"
        if again:
            return [{"toolResult": result}]
        cache_points = [part for part in parts if "cachePoint" in part] or self._cache_point(message, path)
        return [{"toolResult": result}, *cache_points[:1]]

    def missing_result(self, call_id: str, text: str) -> Json:
        return {"toolResult": {"toolUseId": call_id, "content": [self.text(text)], "status": "error"}}

    def orphan_result(self, path: str, message: Json) -> list[Json]:
        parts = self._result_content(path, message)
        self._change(path, "emulated", ORPHAN_RESULT)
        return self.user(path, [part for part in parts if "cachePoint" not in part])

    def _result_content(self, path: str, message: Json) -> list[Json]:
        parts = self.content(message.get("content"), f"{path}.content")
        if any("audio" in part for part in parts):
            raise InvalidRequest("a tool result cannot contain audio", param=f"{path}.content")
        return parts

    def _cache_point(self, source: Json, path: str) -> list[Json]:
        cache_point = self.parts.cache_point(source, path)
        return [{"cachePoint": cache_point}] if cache_point else []

    def _change(self, path: str, kind: ChangeKind, reason: str) -> None:
        self.parts.changes.append(Change(path, kind, reason))
