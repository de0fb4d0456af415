"""JSON text for clients: compact UTF-8, with escapes only for characters that UTF-8 cannot encode."""

from __future__ import annotations

import json

from vaultcore.json_codec import dumps_text

_escape = json.JSONEncoder(separators=(",", ":")).encode


def dump(value: object) -> str:
    """Return the value as JSON text.

    A lone surrogate is escaped. It appears when a provider splits a character across two chunks.
    """
    text = dumps_text(value)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return _escape(value)
    return text
