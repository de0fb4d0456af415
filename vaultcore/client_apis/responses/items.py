"""Input items as messages: what was said, called, answered and thought, turn by turn."""

from __future__ import annotations

from dataclasses import dataclass, field

from vaultcore.client_apis.responses.parts import parse_content, parse_parts
from vaultcore.client_apis.responses.tools import wrap
from vaultcore.dialects.responses.envelope import unseal
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

ROLES = ("system", "developer", "user", "assistant")
CALLS = ("function_call", "custom_tool_call")
OUTPUTS = ("function_call_output", "custom_tool_call_output")
SPOKEN = ("message", "reasoning", *CALLS, *OUTPUTS)


def parse_input(told: object, param: str) -> list[Json]:
    """The messages of an input. Items of a provider's own tools have no message: `losses` tells of them."""
    if isinstance(told, str):
        return [{"role": "user", "content": told}]
    if not isinstance(told, list):
        raise InvalidRequest(f"{param} must be a string or a list of items", param=param, code="invalid_type")
    turns = _Turns()
    for i, item in enumerate(told):
        turns.take(f"{param}[{i}]", item)
    return turns.messages


def kind(item: Json) -> object:
    """An item's type; one that has none but a role is a message."""
    return item.get("type") or ("message" if "role" in item else None)


@dataclass(slots=True)
class _Turns:
    messages: list[Json] = field(default_factory=list)
    thoughts: list[Json] = field(default_factory=list)  # reasoning items, of the turn that follows them

    def take(self, path: str, item: object) -> None:
        if not isinstance(item, dict):
            raise InvalidRequest(f"{path} must be an object", param=path, code="invalid_type")
        match kind(item):
            case "message":
                self._message(path, item)
            case "reasoning":
                self.thoughts.append(item)
            case "function_call" | "custom_tool_call":
                self._call(path, item)
            case "function_call_output" | "custom_tool_call_output":
                self._output(path, item)
            case "item_reference":
                told = "item_reference is not supported: no item is kept here, send it whole"
                raise InvalidRequest(told, param=f"{path}.type", code="unsupported_parameter")
            case str():
                pass
            case _:
                raise InvalidRequest(f"{path} needs a type", param=f"{path}.type")

    def _message(self, path: str, item: Json) -> None:
        role, content = item.get("role"), item.get("content")
        if role not in ROLES:
            raise InvalidRequest(f"{path}.role must be one of {', '.join(ROLES)}", param=f"{path}.role")
        if content is None:
            raise InvalidRequest(f"{path}.content is required", param=f"{path}.content")
        said = parse_content(content, f"{path}.content")
        if role != "assistant":
            self.thoughts.clear()  # of a turn that said nothing
            self.messages.append({"role": role, "content": said})
            return
        parts = [{"text": said}] if isinstance(said, str) else said
        turn = self._turn(open_calls=True)
        for ours, theirs in (("content", "text"), ("refusal", "refusal")):
            if words := "".join(part.get(theirs) or "" for part in parts):
                turn[ours] = f"{turn.get(ours) or ''}{words}"
        if turn["content"] is None and "refusal" not in turn and not turn.get("tool_calls"):
            turn["content"] = ""

    def _call(self, path: str, item: Json) -> None:
        name, identity = _text(item, "name", path), _text(item, "call_id", path)
        if item["type"] == "custom_tool_call":
            told = wrap(_text(item, "input", path))
        else:
            told = _text(item, "arguments", path)
        call = {"id": identity, "type": "function", "function": {"name": name, "arguments": told}}
        self._turn(open_calls=False).setdefault("tool_calls", []).append(call)

    def _output(self, path: str, item: Json) -> None:
        told = item.get("output")
        if told is None:
            raise InvalidRequest(f"{path}.output is required", param=f"{path}.output")
        content = told if isinstance(told, str) else parse_parts(told, f"{path}.output")
        identity = _text(item, "call_id", path)
        self.messages.append({"role": "tool", "tool_call_id": identity, "content": content})

    def _turn(self, *, open_calls: bool) -> Json:
        """The assistant's message that something more belongs to: the last one, or one that begins here.

        Text belongs to the last one only where that has calls, which have to be answered next.
        """
        last = self.messages[-1] if self.messages else {}
        if last.get("role") != "assistant" or (open_calls and not last.get("tool_calls")):
            last = {"role": "assistant", "content": None}
            self.messages.append(last)
        self._think(last)
        return last

    def _think(self, message: Json) -> None:
        for item in self.thoughts:
            if words := "\n\n".join(_summary(item)):
                held = message.get("reasoning_content")
                message["reasoning_content"] = f"{held}\n\n{words}" if held else words
            if blocks := unseal(item.get("encrypted_content")):
                message["thinking_blocks"] = [*message.get("thinking_blocks", ()), *blocks]
        self.thoughts.clear()


def _summary(item: Json) -> list[str]:
    parts = item.get("summary") or item.get("content")
    parts = parts if isinstance(parts, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return [text for text in texts if isinstance(text, str) and text]


def _text(item: Json, name: str, path: str) -> str:
    value = item.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{path}.{name} must be a string", param=f"{path}.{name}", code="invalid_type")
    return value
