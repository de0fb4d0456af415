"""Input items of a Responses request as chat messages.

An item is a message, a tool call, a tool's output or reasoning. Consecutive items of the assistant become one
message: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input.
"""

from __future__ import annotations

from dataclasses import field

from vaultcore.client_apis.responses.client_tools import LOADING_ITEMS, Toolbox
from vaultcore.client_apis.responses.parts import parse_content, parse_parts
from vaultcore.client_apis.responses.tool_items import CALLS, OUTPUTS, output_text, parse_call, require_string
from vaultcore.dialects.responses.opaque_state import decode_state
from vaultcore.dialects.turn_order import position
from vaultcore.errors import InvalidRequest
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.carriers import PLACE
from vaultcore.opaque_state.compaction import COMPACTION
from vaultcore.opaque_state.envelope import is_sealed
from vaultcore.wire import Json

ROLES = ("system", "developer", "user", "assistant")
COMPACTIONS = ("compaction", "compaction_summary")
SETTINGS = ("configuration_update", "compaction_trigger")  # items that request.py reads
# Types of items that chat messages, tools or settings of the request can express.
TRANSLATED = ("message", "reasoning", *COMPACTIONS, *CALLS, *OUTPUTS, *LOADING_ITEMS, *SETTINGS)


@dataclass(slots=True)
class MessageSource:
    """Paths of the items in the client's input from which a message was made."""

    item: str
    content: str = ""  # of the content: `input[0].content`, `input[2].output`
    reasoning: str = ""
    calls: list[str] = field(default_factory=list)


def parse_input(
    value: object, param: str, box: Toolbox | None = None
) -> tuple[list[Json], list[MessageSource]]:
    """Return the messages of an input, and where each comes from.

    Items of a provider's own tools become no message; `unsupported_fields` reports them. Raises
    InvalidRequest.
    """
    if isinstance(value, str):
        return [{"role": "user", "content": value}], [MessageSource(param, param)]
    if not isinstance(value, list):
        raise InvalidRequest(f"{param} must be a string or a list of items", param=param, code="invalid_type")
    conversation = _ConversationBuilder(box or Toolbox())
    for i, item in enumerate(value):
        conversation.add(f"{param}[{i}]", item)
    conversation.close()
    return conversation.messages, conversation.sources


def item_type(item: Json) -> object:
    """Return an item's type; an item with a role and no type is a message."""
    return item.get("type") or ("message" if "role" in item else None)


@dataclass(slots=True)
class _ConversationBuilder:
    """Builds chat messages from input items."""

    box: Toolbox
    messages: list[Json] = field(default_factory=list)
    sources: list[MessageSource] = field(default_factory=list)  # of the messages, in the same order
    # Reasoning items of the assistant message that follows, with their paths.
    reasoning: list[tuple[str, Json]] = field(default_factory=list)
    call_ids: dict[str, str] = field(default_factory=dict)  # id of a call item -> its call id

    def add(self, path: str, item: object) -> None:
        if not isinstance(item, dict):
            raise InvalidRequest(f"{path} must be an object", param=path, code="invalid_type")
        match item_type(item):
            case "message":
                self._add_message(path, item)
            case "reasoning":
                self.reasoning.append((path, item))
            case str(kind) if kind in CALLS:
                self._add_call(path, item)
            case str(kind) if kind in OUTPUTS:
                self._add_output(path, item)
            case "compaction" | "compaction_summary" if is_sealed(item.get("encrypted_content")):
                self._end_reasoning(path)
                part = {"type": COMPACTION, "data": item["encrypted_content"]}
                self._append({"role": "user", "content": [part]}, MessageSource(path))
            case "item_reference":
                problem = "item_reference is not supported: the gateway stores no items, send the whole item"
                raise InvalidRequest(problem, param=f"{path}.type", code="unsupported_parameter")
            case str():
                pass
            case _:
                raise InvalidRequest(f"{path} needs a type", param=f"{path}.type")

    def close(self) -> None:
        """End the conversation, which may end with reasoning."""
        self._end_reasoning("input")

    def _append(self, message: Json, source: MessageSource) -> None:
        self.messages.append(message)
        self.sources.append(source)

    def _add_message(self, path: str, item: Json) -> None:
        role, content = item.get("role"), item.get("content")
        if role not in ROLES:
            raise InvalidRequest(f"{path}.role must be one of {', '.join(ROLES)}", param=f"{path}.role")
        if content is None:
            raise InvalidRequest(f"{path}.content is required", param=f"{path}.content")
        parsed = parse_content(content, f"{path}.content")
        if role != "assistant":
            self._end_reasoning(path)
            self._append({"role": role, "content": parsed}, MessageSource(path, f"{path}.content"))
            return
        parts = [{"text": parsed}] if isinstance(parsed, str) else parsed
        message, source = self._assistant_message(path, needs_calls=True)
        source.content = f"{path}.content"
        for name, part_name in (("content", "text"), ("refusal", "refusal")):
            if text := "".join(part.get(part_name) or "" for part in parts):
                message[name] = f"{message.get(name) or ''}{text}"
        if message["content"] is None and "refusal" not in message and not message.get("tool_calls"):
            message["content"] = ""

    def _add_call(self, path: str, item: Json) -> None:
        if item.get("execution") == "server":
            return  # a search that the provider itself has made
        call = parse_call(path, item, self.box)
        if isinstance(item.get("id"), str):
            self.call_ids[item["id"]] = call["id"]
        message, source = self._assistant_message(path, needs_calls=False)
        message.setdefault("tool_calls", []).append(call)
        source.calls.append(path)

    def _add_output(self, path: str, item: Json) -> None:
        is_search = item["type"] == "tool_search_output"
        if is_search and (item.get("execution") == "server" or not item.get("call_id")):
            return
        output = output_text(item, self.box)
        if output is None:
            raise InvalidRequest(f"{path}.output is required", param=f"{path}.output")
        self._end_reasoning(path)
        content = output if isinstance(output, str) else parse_parts(output, f"{path}.output")
        call_id = self._call_id(path, item)
        message = {"role": "tool", "tool_call_id": call_id, "content": content}
        self._append(message, MessageSource(path, f"{path}.output"))

    def _call_id(self, path: str, item: Json) -> str:
        """Return the id of the call that an item answers: outputs of a local shell name it in `id`."""
        item_id = item.get("id")
        if (
            item.get("call_id") is None
            and isinstance(item_id, str)
            and item["type"] != "function_call_output"
        ):
            return self.call_ids.get(item_id, item_id)
        return require_string(item, "call_id", path)

    def _assistant_message(self, path: str, *, needs_calls: bool) -> tuple[Json, MessageSource]:
        """Return the last message if the next item belongs to it, else a new assistant message.

        Text belongs to the last message only if that has tool calls, whose results must follow it.
        """
        last = self.messages[-1] if self.messages else {}
        if last.get("role") != "assistant" or (needs_calls and not last.get("tool_calls")):
            last = {"role": "assistant", "content": None}
            self._append(last, MessageSource(path, f"{path}.content"))
        self._attach_reasoning(last, self.sources[-1])
        return last, self.sources[-1]

    def _end_reasoning(self, path: str) -> None:
        """Keep reasoning that no message or call follows as a turn of its own, if its issuer can read it."""
        if any(decode_state(item.get("encrypted_content")) for _, item in self.reasoning):
            if not self.messages or self.messages[-1].get("role") != "assistant":
                self._append({"role": "assistant", "content": ""}, MessageSource(path))
            self._attach_reasoning(self.messages[-1], self.sources[-1])
        self.reasoning.clear()

    def _attach_reasoning(self, message: Json, source: MessageSource) -> None:
        for path, item in self.reasoning:
            source.reasoning = source.reasoning or path
            if text := "\n\n".join(_summary(item)):
                existing = message.get("reasoning_content")
                message["reasoning_content"] = f"{existing}\n\n{text}" if existing else text
            place = position(len(message.get("content") or ""), len(message.get("tool_calls") or ()))
            if blocks := decode_state(item.get("encrypted_content")):
                placed = [{**_without_place(block), **place} for block in blocks]
                message["thinking_blocks"] = [*message.get("thinking_blocks", ()), *placed]
        self.reasoning.clear()


def _without_place(block: Json) -> Json:
    return {name: value for name, value in block.items() if name not in PLACE}


def _summary(item: Json) -> list[str]:
    parts = item.get("summary") or item.get("content")
    parts = parts if isinstance(parts, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return [text for text in texts if isinstance(text, str) and text]
