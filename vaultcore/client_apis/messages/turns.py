"""A client's turns as chat messages: results of tools come before what else the user says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from vaultcore.client_apis.json_text import dump
from vaultcore.client_apis.messages.blocks import an_object, bare, marked, read_block, read_content
from vaultcore.client_apis.messages.opaque_state import kept, merged, ours, unpack
from vaultcore.dialects import Change
from vaultcore.wire import Json, Message

RESULT = "tool_result"


def read_system(system: object, changes: list[Change]) -> list[Message]:
    """The system prompt, string or blocks, as the first message."""
    content = read_content(system, "system", changes)
    return [{"role": "system", "content": content}] if content else []


def read_turns(messages: list[Json], changes: list[Change]) -> list[Message]:
    read: list[Message] = []
    for i, message in enumerate(messages):
        path, content = f"messages[{i}].content", message.get("content")
        match message["role"]:
            case "assistant":
                read.append(_assistant(content, path, changes))
            case "system":
                read.append({"role": "system", "content": read_content(content, path, changes)})
            case _:
                read += _user(content, path, changes)
    return read


def _user(content: object, path: str, changes: list[Change]) -> list[Message]:
    if not isinstance(content, list):
        return [{"role": "user", "content": read_content(content, path, changes)}]
    placed = [(f"{path}[{i}]", block) for i, block in enumerate(content)]
    results = [(place, an_object(block)) for place, block in placed if _is_result(block)]
    read = [_result(block, place, changes) for place, block in results]
    if len(results) < len(placed) or not placed:
        parts = [
            part
            for place, block in placed
            if not _is_result(block)
            for part in read_block(block, place, changes)
        ]
        read.append({"role": "user", "content": bare(parts)})
    return read


def _is_result(block: object) -> bool:
    return an_object(block).get("type") == RESULT


def _result(block: Json, path: str, changes: list[Change]) -> Message:
    message: Json = {
        "role": "tool",
        "tool_call_id": str(block.get("tool_use_id") or ""),
        "content": read_content(block.get("content") or "", f"{path}.content", changes),
    }
    if block.get("is_error") is True:
        message["is_error"] = True
    return cast(Message, marked(message, block))


def _assistant(content: object, path: str, changes: list[Change]) -> Message:
    if not isinstance(content, list):
        return {"role": "assistant", "content": read_content(content, path, changes)}
    said = _Said(changes)
    for i, block in enumerate(content):
        said.take(block, f"{path}[{i}]")
    return said.message()


@dataclass(slots=True)
class _Said:
    """What the model said in one turn, block by block."""

    changes: list[Change]
    parts: list[Json] = field(default_factory=list)
    thoughts: list[Json] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    reasoning: str = ""
    state: dict[str, Json] = field(default_factory=dict)  # by call id; of the message under ""

    def take(self, told: object, path: str) -> None:
        block = an_object(told)
        match block:
            case {"type": "text", "text": str(text)}:
                if text or "cache_control" in block:
                    self.parts += read_block(block, path, self.changes)
            case {"type": "tool_use", "name": str(name)}:
                self.calls.append(_call(block, name))
            case {"type": "thinking" | "redacted_thinking"} if ours(block):
                self.reasoning += str(block.get("thinking") or "")
                for key, state in unpack(block).items():
                    self.state[key] = an_object(merged(self.state.get(key, {}), state))
            case {"type": "thinking" | "redacted_thinking"}:
                self.thoughts.append(block)
            case {"type": str(kind)}:
                self.changes.append(Change(path, "dropped", f"only Anthropic reads {kind} blocks"))
            case _:
                self.changes.append(Change(path, "refused", "this is no content block"))

    def message(self) -> Message:
        message: Json = {"role": "assistant", "content": _joined(self.parts) or (None if self.calls else "")}
        told = self.state.get("", {}).get("thinking_blocks")
        if thoughts := [*self.thoughts, *(told if isinstance(told, list) else ())]:
            message["thinking_blocks"] = thoughts
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        if self.calls:
            message["tool_calls"] = [{**call, **self._kept(call["id"])} for call in self.calls]
        return cast(Message, {**message, **self._kept("")})

    def _kept(self, key: str) -> Json:
        return kept(self.state.get(key, {}))


def _call(block: Json, name: str) -> Json:
    given = block.get("input")
    function = {"name": name, "arguments": dump({} if given is None else given)}
    call: Json = {"id": str(block.get("id") or ""), "type": "function", "function": function}
    return marked(call, block)


def _joined(parts: list[Json]) -> str | list[Json]:
    """The model's own words, one text again where no cache mark stands between them."""
    if any("cache_control" in part for part in parts):
        return parts
    return "".join(part["text"] for part in parts)
