"""Readers of untrusted JSON: the object in an event, a string member, the arguments of a tool call."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.json_codec import dumps_text, loads, loads_finite
from vaultcore.streams.sse import Event
from vaultcore.wire import Json


def parse_event(event: Event) -> Json:
    """Return the JSON object in an event's data.

    Raise ValueError if it is anything else. The error quotes nothing that the provider sent.
    """
    try:
        parsed = loads(event.data)
    except (ValueError, RecursionError):
        parsed = None  # raised below: JSONDecodeError would carry the whole text
    return parsed if isinstance(parsed, dict) else require_object(parsed, "an event")


def require_object(value: object, what: str) -> Json:
    """Return `value` if it is a JSON object; otherwise raise ValueError that names `what`."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not a JSON object")  # noqa: TRY004 - bad data, not a wrong type
    return value


def string_field(record: Mapping[str, object], name: str) -> str:
    """Return a member that should be a string, or "" if it is not one."""
    value = record.get(name)
    return value if isinstance(value, str) else ""


def parse_arguments(text: object) -> Json | None:
    """Return the arguments of a tool call as an object, or None if they are not a JSON object.

    Missing or blank arguments mean `{}`. NaN and numbers beyond a float's range are not JSON.
    """
    if isinstance(text, dict):
        return text
    if text is None or (isinstance(text, str) and not text.strip()):
        return {}
    try:
        parsed = loads_finite(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def dump(value: object) -> str:
    """Return JSON as models write it: compact, not ASCII-escaped, keys in the given order."""
    return dumps_text(value)
