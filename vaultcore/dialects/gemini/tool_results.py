"""The results of one turn's calls: one content, as many as the calls and in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from vaultcore.dialects import Change
from vaultcore.dialects.gemini.parts import render_parts
from vaultcore.dialects.json_fields import arguments
from vaultcore.wire import Json, Message

NO_RESULT = "No result was given."
REFERENCE = "$ref"  # as a key inside a response it means a part beside it


@dataclass(slots=True)
class _Expected:
    theirs: str  # the client's id of the call
    ours: str
    name: str
    response: Json | None = None  # once it has come


@dataclass(slots=True)
class Results:
    changes: list[Change]
    ids: bool  # whether the model takes ids of calls
    media: bool  # whether a result can hold more than text
    content: Json = field(default_factory=lambda: {"role": "user", "parts": []})
    calls: list[_Expected] = field(default_factory=list)

    def expect(self, theirs: str, ours: str, name: str) -> str:
        """Note a call, and give the id it goes by."""
        self.calls.append(_Expected(theirs, ours, name))
        self.content["parts"].append({"functionResponse": {}})  # its place; filled at the end
        return ours

    def take(self, path: str, message: Message) -> list[Json] | None:
        """Take a result in. What it cannot hold comes back, None where it answers none of the calls."""
        theirs = str(message.get("tool_call_id") or "")
        known = [call for call in self.calls if call.theirs == theirs]
        if not known:
            return None
        # Calls that share an id are answered in their order; one answered twice keeps the last answer.
        call = next((call for call in known if call.response is None), known[-1])
        if call.response is not None:
            reason = "a call has one result: the last of several is kept"
            self.changes.append(Change(path, "dropped", reason))
        text, media = _content(path, message)
        failed = cast(Json, message).get("is_error") is True
        call.response = {"response": response(text, failed=failed)}
        if media and self.media:
            call.response["parts"] = media
            media = []
        elif media:
            reason = "a result is text with this model: what it holds comes after it"
            self.changes.append(Change(f"{path}.content", "emulated", reason))
        return media

    @property
    def begun(self) -> bool:
        """Whether any of the calls has its result."""
        return any(call.response is not None for call in self.calls)

    def close(self) -> None:
        """Answer the calls that nobody has: as many results as calls are demanded."""
        for call in self.calls:
            if call.response is None:
                self.changes.append(Change("messages", "injected", "a call without a result"))
                call.response = {"response": {"error": NO_RESULT}}
        self._settle()

    def _settle(self) -> None:
        self.content["parts"] = [
            {
                "functionResponse": {
                    **({"id": call.ours} if self.ids else {}),
                    "name": call.name,
                    **(call.response or {"response": {}}),
                }
            }
            for call in self.calls
        ]


def response(text: str, *, failed: bool) -> Json:
    """A result as the object it has to be: its own where it is one, else under a name."""
    if failed:
        return {"error": text}
    told = arguments(text) if text.lstrip().startswith("{") else None
    return {"result": text} if told is None or _refers(told) else told


def _content(path: str, message: Message) -> tuple[str, list[Json]]:
    content = message.get("content")
    if isinstance(content, str) or not isinstance(content, Sequence):
        return content or "", []
    parts = render_parts(content, f"{path}.content")
    return (
        "".join(part["text"] for part in parts if "text" in part),
        [part for part in parts if "text" not in part],
    )


def _refers(value: object) -> bool:
    match value:
        case dict():
            return REFERENCE in value or any(map(_refers, value.values()))
        case list():
            return any(map(_refers, value))
        case _:
            return False
