"""The conversation of a Messages request as chat messages.

Chat completions require the results of tool calls directly after the calls. A user message therefore becomes
its tool results first, then one user message with everything else.
"""

from __future__ import annotations

from dataclasses import field

from vaultcore.casts import cast
from vaultcore.client_apis.json_text import dump
from vaultcore.client_apis.messages.compaction import compacted_conversation
from vaultcore.client_apis.messages.opaque_state import is_packed, unpack
from vaultcore.client_apis.messages.parts import (
    NO_CONTENT,
    copy_cache_control,
    object_or_empty,
    parse_block,
    parse_content,
    simplify_text,
)
from vaultcore.client_apis.messages.result_pairing import pair_single_results
from vaultcore.dialects import Change
from vaultcore.dialects.turn_order import position
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.carriers import merge, opaque_fields
from vaultcore.wire import Json, Message

TOOL_RESULT = "tool_result"
BILLING_HEADER = "x-anthropic-billing-header"  # begins a system block of Claude Code


def parse_system(system: object, changes: list[Change]) -> list[Message]:
    """Return the system prompt, a string or a list of blocks, as a list of at most one message."""
    content = parse_content(_without_billing_header(system, changes), "system", changes)
    return [{"role": "system", "content": content}] if content else []


def parse_conversation(messages: list[Json], changes: list[Change]) -> list[tuple[str, Message]]:
    """Return the messages, each with its path in the client's body."""
    parsed: list[tuple[str, Message]] = []
    last_user = max((i for i, message in enumerate(messages) if message["role"] == "user"), default=-1)
    for i, message in compacted_conversation(messages):
        path, content = f"messages[{i}].content", message.get("content")
        match message["role"]:
            case "assistant":
                parsed.append((path, _parse_assistant(content, path, changes)))
            case "system" if message.get("clear_at") == "next_user_message" and last_user > i:
                continue  # the model shall see it until then
            case "system":
                parsed.append((path, {"role": "system", "content": parse_content(content, path, changes)}))
            case _:
                parsed += _parse_user(content, path, changes)
    parsed = pair_single_results(parsed, changes)
    return [(path, message) for path, message in parsed if not _is_blank(message)] or parsed


def _without_billing_header(system: object, changes: list[Change]) -> object:
    """Return the system prompt without Claude Code's accounting, which would differ in every session."""
    if not isinstance(system, list):
        return system
    texts = [object_or_empty(block).get("text") for block in system]
    others = [
        block
        for block, text in zip(system, texts, strict=True)
        if not (isinstance(text, str) and text.startswith(BILLING_HEADER))
    ]
    if len(others) < len(system):
        changes.append(Change("system", "emulated", f"{BILLING_HEADER} is for Anthropic: not in the prompt"))
    return others


def _is_blank(message: Message) -> bool:
    """Return True for instructions or an answer without content."""
    if message.get("role") not in {"system", "assistant"} or message.get("content"):
        return False
    return not message.keys() - {"role", "content"}


def _parse_user(content: object, path: str, changes: list[Change]) -> list[tuple[str, Message]]:
    if not isinstance(content, list):
        return [(path, {"role": "user", "content": parse_content(content, path, changes)})]
    blocks = [(f"{path}[{i}]", block) for i, block in enumerate(content)]
    results = [(place, object_or_empty(block)) for place, block in blocks if _is_tool_result(block)]
    parsed = [(place, _parse_tool_result(block, place, changes)) for place, block in results]
    if len(results) < len(blocks) or not blocks:
        parts = [
            part
            for place, block in blocks
            if not _is_tool_result(block)
            for part in parse_block(block, place, changes)
        ]
        if parts or not blocks:
            parsed.append((path, {"role": "user", "content": simplify_text(parts)}))
    return parsed


def _is_tool_result(block: object) -> bool:
    return object_or_empty(block).get("type") == TOOL_RESULT


def _parse_tool_result(block: Json, path: str, changes: list[Change]) -> Message:
    message: Json = {
        "role": "tool",
        "tool_call_id": str(block.get("tool_use_id") or ""),
        "content": parse_content(block.get("content") or "", f"{path}.content", changes),
    }
    if block.get("is_error") is True:
        message["is_error"] = True
    return cast(Message, copy_cache_control(message, block))


def _parse_assistant(content: object, path: str, changes: list[Change]) -> Message:
    if not isinstance(content, list):
        return {"role": "assistant", "content": parse_content(content, path, changes)}
    builder = _AssistantBuilder(changes)
    for i, block in enumerate(content):
        builder.add(block, f"{path}[{i}]")
    return builder.message()


@dataclass(slots=True)
class _AssistantBuilder:
    """Builds one assistant message from its content blocks."""

    changes: list[Change]
    parts: list[Json] = field(default_factory=list)
    thinking_blocks: list[Json] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    reasoning: str = ""
    state: dict[str, Json] = field(default_factory=dict)  # by tool call id; the message's own under ""

    def add(self, block: object, path: str) -> None:
        fields = object_or_empty(block)
        match fields:
            case {"type": "text", "text": str(text)}:
                if text or "cache_control" in fields:
                    self.parts += parse_block(fields, path, self.changes)
            case {"type": "tool_use", "name": str(name)}:
                self.calls.append(_parse_tool_use(fields, name))
            case {"type": "thinking" | "redacted_thinking"} if is_packed(fields):
                self.reasoning += str(fields.get("thinking") or "")
                for key, state in unpack(fields).items():
                    self.state[key] = object_or_empty(merge(self.state.get(key, {}), state))
            case {"type": "thinking" | "redacted_thinking"}:
                place = position(sum(len(part["text"]) for part in self.parts), len(self.calls))
                self.thinking_blocks.append({**fields, **place})
            case {"type": str(kind)} if kind in NO_CONTENT:
                pass
            case {"type": str(kind)}:
                self.changes.append(Change(path, "dropped", f"only Anthropic reads {kind[:64]} blocks"))
            case _:
                self.changes.append(Change(path, "refused", "not a content block: it needs a type"))

    def message(self) -> Message:
        content = _join_text(self.parts) or (None if self.calls else "")
        message: Json = {"role": "assistant", "content": content}
        unpacked = self.state.get("", {}).get("thinking_blocks")
        if blocks := [*self.thinking_blocks, *(unpacked if isinstance(unpacked, list) else ())]:
            message["thinking_blocks"] = blocks
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        if self.calls:
            message["tool_calls"] = [{**call, **self._opaque_fields(call["id"])} for call in self.calls]
        return cast(Message, {**message, **self._opaque_fields("")})

    def _opaque_fields(self, key: str) -> Json:
        return opaque_fields(self.state.get(key, {}))


def _parse_tool_use(block: Json, name: str) -> Json:
    arguments = block.get("input")
    function = {"name": name, "arguments": dump({} if arguments is None else arguments)}
    call: Json = {"id": str(block.get("id") or ""), "type": "function", "function": function}
    return copy_cache_control(call, block)


def _join_text(parts: list[Json]) -> str | list[Json]:
    """Return the model's text as one string, or as parts if any part has `cache_control`."""
    if any("cache_control" in part for part in parts):
        return parts
    return "".join(part["text"] for part in parts)
