"""The results of one message's tool calls: Gemini wants one result for each call, in the order of the calls.

https://ai.google.dev/gemini-api/docs/function-calling
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.dialects import Change
from vaultcore.dialects.gemini.parts import render_content
from vaultcore.dialects.json_fields import parse_arguments
from vaultcore.dialects.prompts import NO_RESULT
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json, Message

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import GeminiContent, GeminiFunctionResponse, GeminiPart

REFERENCE = "$ref"  # as a key inside a response, it refers to a part next to it


@dataclass(slots=True)
class _ExpectedResult:
    client_id: str  # the client's id of the call
    call_id: str  # the id that is sent to Gemini
    name: str
    response: GeminiFunctionResponse | None = None


@dataclass(slots=True)
class ToolResults:
    """Collects the results of one message's calls into `content`."""

    changes: list[Change]
    content: GeminiContent  # receives one part for each call
    has_ids: bool  # the model accepts call ids
    has_media: bool  # the model accepts more than text in a result
    calls: list[_ExpectedResult] = field(default_factory=list)

    def expect(self, client_id: str, call_id: str, name: str) -> None:
        """Add a call that needs a result."""
        self.calls.append(_ExpectedResult(client_id, call_id, name))
        self.content["parts"].append({"functionResponse": {}})  # a placeholder that `close` replaces

    def add(self, path: str, message: Message) -> list[GeminiPart] | None:
        """Add a result. Return the parts that it cannot contain, or None if no call has its id."""
        client_id = str(message.get("tool_call_id") or "")
        matches = [call for call in self.calls if call.client_id == client_id]
        if not matches:
            return None
        # Calls with the same id are answered in order. If a call has several results, the last one counts.
        call = next((call for call in matches if call.response is None), matches[-1])
        if call.response is not None:
            reason = "a tool call has one result: the last one is sent"
            self.changes.append(Change(path, "dropped", reason))
        text, media = _split_content(path, message)
        is_error = cast(Json, message).get("is_error") is True
        call.response = {"response": _render_result(text, is_error=is_error)}
        if media and self.has_media:
            call.response["parts"] = media
            media = []
        elif media:
            reason = "this model accepts text results only: sent the other parts in the next message"
            self.changes.append(Change(f"{path}.content", "emulated", reason))
        return media

    @property
    def has_any(self) -> bool:
        return any(call.response is not None for call in self.calls)

    def close(self) -> None:
        """Fill `content`. A call without a result gets an error as its result, because Gemini needs one."""
        parts: list[GeminiPart] = []
        for call in self.calls:
            if call.response is None:
                self.changes.append(
                    Change("messages", "injected", "a tool call has no result: a failed one is sent")
                )
                call.response = {"response": {"error": NO_RESULT}}
            rendered: GeminiFunctionResponse = {"id": call.call_id} if self.has_ids else {}
            parts.append({"functionResponse": {**rendered, "name": call.name, **call.response}})
        self.content["parts"] = parts


def _render_result(text: str, *, is_error: bool) -> Json:
    """Return the result as an object: the text itself if it is one, else the text in a field."""
    if is_error:
        return {"error": text}
    result = parse_arguments(text) if text.lstrip().startswith("{") else None
    return {"result": text} if result is None or _has_reference(result) else result


def _split_content(path: str, message: Message) -> tuple[str, list[GeminiPart]]:
    """Return the text of a result and its other parts."""
    content = message.get("content")
    if isinstance(content, str) or not isinstance(content, Sequence):
        return content or "", []
    parts = render_content(content, f"{path}.content")
    text = "".join(part["text"] for part in parts if "text" in part)
    return text, [part for part in parts if "text" not in part]


def _has_reference(value: object) -> bool:
    match value:
        case dict():
            return REFERENCE in value or any(map(_has_reference, value.values()))
        case list():
            return any(map(_has_reference, value))
        case _:
            return False
