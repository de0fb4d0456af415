"""Input items of a Responses request as chat messages.

An item is a message, a tool call, a tool's output or reasoning. Consecutive items of the assistant become one
message: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vaultcore.client_apis.responses.parts import parse_content, parse_parts
from vaultcore.client_apis.responses.tools import wrap_input
from vaultcore.dialects.responses.opaque_state import decode_state
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

ROLES = ("system", "developer", "user", "assistant")
CALLS = ("function_call", "custom_tool_call")
OUTPUTS = ("function_call_output", "custom_tool_call_output")
TRANSLATED = ("message", "reasoning", *CALLS, *OUTPUTS)  # types that chat messages can express


def parse_input(value: object, param: str) -> list[Json]:
    """Return the messages of an input.

    Items of a provider's own tools become no message; `unsupported_fields` reports them. Raises
    InvalidRequest.
    """
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if not isinstance(value, list):
        raise InvalidRequest(f"{param} must be a string or a list of items", param=param, code="invalid_type")
    conversation = _ConversationBuilder()
    for i, item in enumerate(value):
        conversation.add(f"{param}[{i}]", item)
    return conversation.messages


def item_type(item: Json) -> object:
    """Return an item's type; an item with a role and no type is a message."""
    return item.get("type") or ("message" if "role" in item else None)


@dataclass(slots=True)
class _ConversationBuilder:
    """Builds chat messages from input items."""

    messages: list[Json] = field(default_factory=list)
    # Reasoning items of the assistant message that follows.
    reasoning: list[Json] = field(default_factory=list)

    def add(self, path: str, item: object) -> None:
        if not isinstance(item, dict):
            raise InvalidRequest(f"{path} must be an object", param=path, code="invalid_type")
        match item_type(item):
            case "message":
                self._add_message(path, item)
            case "reasoning":
                self.reasoning.append(item)
            case "function_call" | "custom_tool_call":
                self._add_call(path, item)
            case "function_call_output" | "custom_tool_call_output":
                self._add_output(path, item)
            case "item_reference":
                problem = "item_reference is not supported: the gateway stores no items, send the whole item"
                raise InvalidRequest(problem, param=f"{path}.type", code="unsupported_parameter")
            case str():
                pass
            case _:
                raise InvalidRequest(f"{path} needs a type", param=f"{path}.type")

    def _add_message(self, path: str, item: Json) -> None:
        role, content = item.get("role"), item.get("content")
        if role not in ROLES:
            raise InvalidRequest(f"{path}.role must be one of {', '.join(ROLES)}", param=f"{path}.role")
        if content is None:
            raise InvalidRequest(f"{path}.content is required", param=f"{path}.content")
        parsed = parse_content(content, f"{path}.content")
        if role != "assistant":
            self.reasoning.clear()  # reasoning without a message or tool call after it
            self.messages.append({"role": role, "content": parsed})
            return
        parts = [{"text": parsed}] if isinstance(parsed, str) else parsed
        message = self._assistant_message(needs_calls=True)
        for name, part_name in (("content", "text"), ("refusal", "refusal")):
            if text := "".join(part.get(part_name) or "" for part in parts):
                message[name] = f"{message.get(name) or ''}{text}"
        if message["content"] is None and "refusal" not in message and not message.get("tool_calls"):
            message["content"] = ""

    def _add_call(self, path: str, item: Json) -> None:
        name, call_id = _require_string(item, "name", path), _require_string(item, "call_id", path)
        if item["type"] == "custom_tool_call":
            arguments = wrap_input(_require_string(item, "input", path))
        else:
            arguments = _require_string(item, "arguments", path)
        call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        self._assistant_message(needs_calls=False).setdefault("tool_calls", []).append(call)

    def _add_output(self, path: str, item: Json) -> None:
        output = item.get("output")
        if output is None:
            raise InvalidRequest(f"{path}.output is required", param=f"{path}.output")
        content = output if isinstance(output, str) else parse_parts(output, f"{path}.output")
        call_id = _require_string(item, "call_id", path)
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": content})

    def _assistant_message(self, *, needs_calls: bool) -> Json:
        """Return the last message if the next item belongs to it, else a new assistant message.

        Text belongs to the last message only if that has tool calls, whose results must follow it.
        """
        last = self.messages[-1] if self.messages else {}
        if last.get("role") != "assistant" or (needs_calls and not last.get("tool_calls")):
            last = {"role": "assistant", "content": None}
            self.messages.append(last)
        self._attach_reasoning(last)
        return last

    def _attach_reasoning(self, message: Json) -> None:
        for item in self.reasoning:
            if text := "\n\n".join(_summary(item)):
                existing = message.get("reasoning_content")
                message["reasoning_content"] = f"{existing}\n\n{text}" if existing else text
            if blocks := decode_state(item.get("encrypted_content")):
                message["thinking_blocks"] = [*message.get("thinking_blocks", ()), *blocks]
        self.reasoning.clear()


def _summary(item: Json) -> list[str]:
    parts = item.get("summary") or item.get("content")
    parts = parts if isinstance(parts, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return [text for text in texts if isinstance(text, str) and text]


def _require_string(item: Json, name: str, path: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{path}.{name} must be a string", param=f"{path}.{name}", code="invalid_type")
    return value
