"""The contents of a request as chat messages: https://ai.google.dev/api/caching#Content.

A result of a function names its call by `id` or, from older clients, only by the function's name. Chat
completions require an id, and the results directly after the calls: calls without an id get one, and a user's
content becomes its results first, then one message with everything else.
"""

from __future__ import annotations

from dataclasses import field

from vaultcore.casts import cast
from vaultcore.client_apis.gemini.fields import Fields
from vaultcore.client_apis.gemini.function_results import parse_result
from vaultcore.client_apis.gemini.opaque_state import (
    BLOCKS,
    CALL,
    MESSAGE,
    foreign_signature,
    unpack_signature,
    without_indexes,
)
from vaultcore.client_apis.gemini.parts import blob_uri, parse_part, report_fields, simplify_text
from vaultcore.client_apis.json_text import dump
from vaultcore.dialects import Change
from vaultcore.dialects.gemini.opaque_state import wrap_signature
from vaultcore.lazy_dataclass import dataclass
from vaultcore.opaque_state.carriers import merge, opaque_fields
from vaultcore.wire import Json, Message

USER_ROLES = ("", "user", "function")
MODEL_ROLE = "model"
CODE_PARTS = ("executableCode", "codeExecutionResult")  # of Google's code execution, in a model's content
SERVER_PARTS = ("toolCall", "toolResponse")  # of Google's other tools


def parse_system(request: Fields, changes: list[Change]) -> list[Turn]:
    """Return the system instruction as a list of at most one message."""
    value, place = request.get("systemInstruction"), request.at("systemInstruction")
    if isinstance(value, str):
        return [Turn({"role": "system", "content": value}, place)] if value else []
    instruction, parts = request.inner("systemInstruction"), list[Json]()
    if value and "parts" not in instruction:
        changes.append(Change(place, "refused", "must be an object with parts"))
    for path, part in instruction.elements("parts"):
        parts += parse_part(Fields.of(part, path), "", changes)
    return [Turn({"role": "system", "content": simplify_text(parts)}, place)] if parts else []


def parse_contents(request: Fields, config: Fields, changes: list[Change]) -> list[Turn]:
    """Return the messages of all contents."""
    conversation = _Conversation(config.text("mediaResolution"), changes)
    for i, (path, value) in enumerate(request.elements("contents")):
        content = Fields.of(value, path)
        role = content.text("role")
        parts = [Fields.of(part, place) for place, part in content.elements("parts")]
        if role == MODEL_ROLE:
            conversation.add_model(i, path, parts)
        elif role in USER_ROLES:
            conversation.add_user(i, path, parts)
        else:
            changes.append(Change(content.at("role"), "refused", "must be user or model"))
    return conversation.finish()


@dataclass(frozen=True, slots=True)
class Turn:
    """A message, and the path of what it comes from."""

    message: Message
    path: str


@dataclass(frozen=True, slots=True)
class _OpenCall:
    """A call that has no result yet."""

    name: str
    client_id: str  # "" if the client sent none
    id: str


@dataclass(slots=True)
class _Conversation:
    """Builds the messages. Contents of the model in a row are one message: SDKs send a stream's chunks so."""

    resolution: str  # of all media
    changes: list[Change]
    turns: list[Turn] = field(default_factory=list)
    model: _ModelMessage | None = None  # of the model, not ended yet
    open_calls: list[_OpenCall] = field(default_factory=list)

    def add_user(self, index: int, path: str, parts: list[Fields]) -> None:
        self._end_model()
        results = [part for part in parts if "functionResponse" in part]
        calls = self._answered_calls([part.inner("functionResponse") for part in results])
        for i, part in enumerate(results):
            self._add_result(f"call_{index}_{i}", part, calls.get(i))
        content: list[Json] = []
        for part in parts:
            if "functionResponse" not in part:
                content += parse_part(part, self.resolution, self.changes)
                report_fields(part, self.changes)
        if content or not results:
            self.turns.append(Turn({"role": "user", "content": simplify_text(content)}, path))

    def add_model(self, index: int, path: str, parts: list[Fields]) -> None:
        self.model = self.model or _ModelMessage(index, path, self.changes)
        for part in parts:
            self.model.add(part)

    def finish(self) -> list[Turn]:
        """Return the messages, after the last content."""
        self._end_model()
        return self.turns

    def _end_model(self) -> None:
        if self.model is not None:
            self.turns.append(Turn(self.model.build(), self.model.path))
            self.open_calls, self.model = self.model.open_calls, None

    def _add_result(self, fallback_id: str, part: Fields, call: _OpenCall | None) -> None:
        result = part.inner("functionResponse")
        call_id = call.id if call else result.text("id") or fallback_id
        message = parse_result(result, call_id, self.resolution, self.changes)
        self.turns.append(Turn(message, result.path))
        report_fields(part, self.changes)

    def _answered_calls(self, results: list[Fields]) -> dict[int, _OpenCall]:
        """Return the calls that the results belong to, by position: by id, else by name, else in order."""
        answered: dict[int, _OpenCall] = {}
        for belongs in (_has_id, _has_name, _is_any):
            for i, result in enumerate(results):
                matches = [call for call in self.open_calls if belongs(call, result)]
                if i not in answered and matches:
                    answered[i] = matches[0]
                    self.open_calls.remove(matches[0])
        return answered


def _has_id(call: _OpenCall, result: Fields) -> bool:
    return bool(call.client_id) and call.client_id == result.text("id")


def _has_name(call: _OpenCall, result: Fields) -> bool:
    return call.name == result.text("name")


def _is_any(_call: _OpenCall, _result: Fields) -> bool:
    return True


@dataclass(slots=True)
class _ModelMessage:
    """Builds one assistant message from a model's parts."""

    index: int  # of its first content
    path: str  # likewise
    changes: list[Change]
    text: str = ""
    reasoning: str = ""
    calls: list[Json] = field(default_factory=list)
    images: list[Json] = field(default_factory=list)
    state: Json = field(default_factory=dict)
    open_calls: list[_OpenCall] = field(default_factory=list)

    def add(self, part: Fields) -> None:
        unpacked = unpack_signature(part.get("thoughtSignature")) or {}
        if isinstance(own := unpacked.get(MESSAGE), dict):
            self.state = cast(Json, merge(self.state, own))
        if "functionCall" in part:
            self._add_call(part, part.inner("functionCall"), unpacked.get(CALL))
        elif "text" in part:
            if part.get("thought") is True:
                self.reasoning += part.text("text")
            else:
                self.text += part.text("text")
        elif "inlineData" in part:
            self._add_image(part)
        elif code := next((name for name in CODE_PARTS if name in part), None):
            self._add_code(part, code)
        elif "thoughtSignature" not in part or any(name in part for name in SERVER_PARTS):
            self.changes.append(Change(part.path, "dropped", "only Google reads parts of its own tools"))
            return
        if not any(name in part for name in CODE_PARTS):
            report_fields(part, self.changes)

    def build(self) -> Message:
        message: Json = {"role": "assistant", "content": self.text or (None if self.calls else "")}
        if isinstance(blocks := self.state.get(BLOCKS), list):
            message[BLOCKS] = without_indexes(blocks)
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        if self.calls:
            message["tool_calls"] = self.calls
        if self.images:
            message["images"] = self.images
        return cast(Message, {**message, **opaque_fields(self.state)})

    def _add_call(self, part: Fields, call: Fields, state: object) -> None:
        client_id, name = call.text("id"), call.text("name")
        call_id = client_id or f"call_{self.index}_{len(self.calls)}"
        arguments = call.get("args")
        function = {"name": name, "arguments": dump({} if arguments is None else arguments)}
        parsed: Json = {"id": call_id, "type": "function", "function": function}
        if isinstance(state, dict):
            parsed |= opaque_fields(state)
        elif extra := wrap_signature(foreign_signature(part)):
            parsed["extra_content"] = extra
        self.calls.append(parsed)
        self.open_calls.append(_OpenCall(name, client_id, call_id))

    def _add_image(self, part: Fields) -> None:
        uri = blob_uri(part.inner("inlineData"))
        if uri.startswith("data:image/"):
            self.images.append({"type": "image_url", "image_url": {"url": uri}})
        else:
            self.changes.append(Change(part.path, "dropped", "only images of a model can be sent back"))

    def _add_code(self, part: Fields, name: str) -> None:
        """Add code that Google ran, or its output, as text: other models can then refer to it."""
        block, is_code = part.inner(name), name == CODE_PARTS[0]
        language = block.text("language").lower() if is_code else ""
        self.text += f"\n```{language}\n{block.text('code' if is_code else 'output')}\n```\n"
        self.changes.append(Change(part.path, "emulated", "sent as text"))
