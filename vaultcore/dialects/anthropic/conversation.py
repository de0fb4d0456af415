"""The conversation as Anthropic's messages: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from vaultcore.casts import cast
from vaultcore.dialects import Change
from vaultcore.dialects.anthropic.parts import render_content
from vaultcore.dialects.call_pairing import ORPHAN_RESULT
from vaultcore.dialects.conversation import (
    AlternatingConversation,
    ConversationRules,
    ParsedToolCall,
    shorten_name,
)
from vaultcore.dialects.prompts import FILLER
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json, Message

if TYPE_CHECKING:
    from vaultcore.dialects.anthropic.wire import AnthropicMessage, AnthropicText

UNSAFE = re.compile(r"[^a-zA-Z0-9_-]")  # in call ids
MAX_ID = 100  # characters of a call id that stay, if it has unsafe ones


def render_conversation(
    messages: Sequence[Message], changes: list[Change], *, system_role: bool, prefill: bool
) -> tuple[list[AnthropicText], list[AnthropicMessage]]:
    """Return the text blocks of the leading system messages, and all other messages.

    `system_role` says that the model accepts system messages between others, `prefill` that it continues an
    assistant message.
    """
    rules = ConversationRules(
        system_first=True,
        system_inline=system_role,
        prefill=prefill,
        matches_unknown_ids=True,
        inline_system_reason="sent as user text: this model takes instructions before the first message only",
        unsigned_reason="Anthropic accepts signed reasoning only",
    )
    rendered = AlternatingConversation(_AnthropicPartWriter(changes), rules, changes).render(messages)
    return cast("tuple[list[AnthropicText], list[AnthropicMessage]]", rendered)


@dataclass(frozen=True, slots=True)
class _AnthropicPartWriter:
    """Renders the parts of a conversation as content blocks."""

    changes: list[Change]

    def text(self, content: str) -> Json:
        return {"type": "text", "text": content}

    def kind(self, part: Json) -> Literal["text", "result", "mark", "other"]:
        match part["type"]:
            case "text":
                return "text"
            case "tool_result":
                return "result"
            case _:
                return "other"

    def content(self, content: object, path: str) -> list[Json]:
        return render_content(content, path, self.changes)

    def user(self, path: str, parts: list[Json]) -> list[Json]:
        if not parts:
            self.changes.append(Change(f"{path}.content", "injected", "Anthropic rejects an empty message"))
        return parts or [self.text(FILLER)]

    def reasoning(self, reasoning: Json) -> Json | None:
        match reasoning:
            case {"type": "thinking", "signature": str(signature)} if signature:
                text = reasoning.get("thinking") or ""
                return {"type": "thinking", "thinking": text, "signature": signature}
            case {"type": "redacted_thinking", "data": str(data)} if data:
                return {"type": "redacted_thinking", "data": data}
            case _:
                return None

    def call_id(self, client_id: str) -> str:
        if not UNSAFE.search(client_id):
            return client_id or "call"
        return shorten_name(client_id, UNSAFE, MAX_ID)

    def call(self, path: str, source: Json, call: ParsedToolCall) -> list[Json]:  # noqa: ARG002 - drops nothing
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments}
        return [{**block, **_cache(source)}]

    def result(self, path: str, message: Json, call_id: str, *, again: bool) -> list[Json]:  # noqa: ARG002 - see Bedrock
        content = message.get("content")
        rendered = content if isinstance(content, str) else self.content(content, f"{path}.content")
        error = {"is_error": True} if message.get("is_error") is True else {}
        block = {"type": "tool_result", "tool_use_id": call_id, "content": rendered}
        return [{**block, **error, **_cache(message)}]

    def missing_result(self, call_id: str, text: str) -> Json:
        return {"type": "tool_result", "tool_use_id": call_id, "content": text, "is_error": True}

    def orphan_result(self, path: str, message: Json) -> list[Json]:
        self.changes.append(Change(path, "emulated", ORPHAN_RESULT))
        return self.content(message.get("content"), f"{path}.content") or [self.text(FILLER)]


def _cache(source: Json) -> Json:
    cache_control = source.get("cache_control")
    return {"cache_control": cache_control} if isinstance(cache_control, dict) else {}
