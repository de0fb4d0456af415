"""JSON as it goes out to clients: compact, in UTF-8, escaped only where UTF-8 has no form for it."""

from __future__ import annotations

import json

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_escape = json.JSONEncoder(separators=(",", ":")).encode


def dump(value: object) -> str:
    """The value's JSON. A lone surrogate, half of a character that a provider cut in two, is escaped."""
    text = _encode(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _escape(value)
    return text
