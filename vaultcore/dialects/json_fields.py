"""The JSON object inside an event, or inside a string a model wrote."""

from __future__ import annotations

import json
from typing import NoReturn

from vaultcore.streams.sse import Event
from vaultcore.wire import Json


def payload(event: Event) -> Json:
    """The event's object. Raises ValueError that quotes nothing of what the provider sent."""
    try:
        parsed = json.loads(event.data)
    except (ValueError, RecursionError):
        parsed = None  # raised below, out of reach of the decoder's error, which holds the whole text
    return an_object(parsed, "an event")


def an_object(value: object, what: str) -> Json:
    """The value, or ValueError where it is not a JSON object."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} that is not a JSON object")  # noqa: TRY004 - nobody passed a wrong type
    return value


def string(told: Json, name: str) -> str:
    """A member that should be text; empty where it is not."""
    value = told.get(name)
    return value if isinstance(value, str) else ""


def arguments(text: object) -> Json | None:
    """A call's arguments as an object: nothing is `{}`, and None is what cannot be read as one."""
    if isinstance(text, dict):
        return text
    if text is None or (isinstance(text, str) and not text.strip()):
        return {}
    try:
        parsed = _strict.decode(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def dump(value: object) -> str:
    """JSON as models write it: compact, unescaped, in the order given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_strict = json.JSONDecoder(parse_constant=_refuse)  # made once: a history may hold hundreds of calls
