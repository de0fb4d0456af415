"""Page cursors: a position in a list, encoded as URL-safe base64. Clients treat a cursor as opaque."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from vaultcore.ledger import queries

MAX_CURSOR = 400  # characters
_INVALID = "must be the next_cursor of a response"


def encode_cursor(position: str) -> str:
    """Return the cursor for a position, which is ASCII text. Padding is removed."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _decode_cursor(value: object) -> str:
    """Return a cursor's position. Raises ValueError if `encode_cursor` cannot have written the cursor."""
    if not isinstance(value, str) or not value or len(value) > MAX_CURSOR:
        raise ValueError(_INVALID)
    try:
        padded = value + "=" * (-len(value) % 4)
        position = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise ValueError(_INVALID) from None
    if not position.isprintable() or encode_cursor(position) != value:
        raise ValueError(_INVALID)
    return position


def _decode_log_cursor(value: object) -> str:
    """Return the position of a cursor in the ledger. Raises ValueError for any other text."""
    position = _decode_cursor(value)
    if not queries.is_cursor(position):
        raise ValueError(_INVALID)
    return position


Cursor = Annotated[str, PlainValidator(_decode_cursor), WithJsonSchema({"type": "string"})]
LogCursor = Annotated[str, PlainValidator(_decode_log_cursor), WithJsonSchema({"type": "string"})]
