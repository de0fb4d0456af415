"""A functionResponse as a message with a tool's result: https://ai.google.dev/api/caching#FunctionResponse."""

from __future__ import annotations

from vaultcore.casts import cast
from vaultcore.client_apis.gemini.fields import Fields
from vaultcore.client_apis.gemini.parts import parse_part, report_fields, simplify_text
from vaultcore.client_apis.json_text import dump
from vaultcore.dialects import Change
from vaultcore.wire import Json, Message

OUTPUT_KEYS = ("output", "result")  # of the response; Google's SDKs wrap the value of a function in `result`
ERROR_KEY = "error"
READ = ("id", "name", "response", "parts")
NO_EFFECT = (False, "SCHEDULING_UNSPECIFIED")


def parse_result(result: Fields, call_id: str, resolution: str, changes: list[Change]) -> Message:
    """Return the message. An object with nothing but an output or an error becomes what it contains."""
    for name, value in result.pairs():
        if name not in READ and value not in NO_EFFECT:
            changes.append(Change(result.at(name), "dropped", "only Google has this field"))
    text, is_error = _render_response(result.get("response"))
    media: list[Json] = []
    for path, part in result.elements("parts"):
        fields = Fields.of(part, path)
        media += parse_part(fields, resolution, changes)
        report_fields(fields, changes)
    parts = [*([{"type": "text", "text": text}] if text else []), *media]
    message: Json = {"role": "tool", "tool_call_id": call_id, "content": simplify_text(parts)}
    return cast(Message, {**message, "is_error": True} if is_error else message)


def _render_response(response: object) -> tuple[str, bool]:
    """Return a response as text, and whether it is an error."""
    match response:
        case None:
            return "", False
        case dict() if len(response) == 1:
            name, value = next(iter(response.items()))
            if name == ERROR_KEY or name in OUTPUT_KEYS:
                return value if isinstance(value, str) else dump(value), name == ERROR_KEY
    return dump(response), False
