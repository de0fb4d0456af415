"""Where a page ends, as it goes out and comes back: opaque to whoever holds it, checked when it returns."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from vaultcore.ledger import queries

LONGEST = 400  # characters


def encode_cursor(position: str) -> str:
    """A position as a client is given it."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _position(value: object) -> str:
    said = "must be the next_cursor of an answer"
    if not isinstance(value, str) or not value or len(value) > LONGEST:
        raise ValueError(said)
    try:
        text = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True).decode(
            "ascii"
        )
    except (binascii.Error, ValueError):
        raise ValueError(said) from None
    if not text.isprintable() or encode_cursor(text) != value:
        raise ValueError(said)
    return text


Cursor = Annotated[str, PlainValidator(_position), WithJsonSchema({"type": "string"})]


def _place(value: object) -> str:
    text = _position(value)
    if not queries.is_cursor(text):
        raise ValueError("must be the next_cursor of an answer")
    return text


LogCursor = Annotated[str, PlainValidator(_place), WithJsonSchema({"type": "string"})]
