"""Encodes reasoning that only its issuer can read as one string, which clients send back unchanged.

The string stands in `encrypted_content`. It contains thinking blocks as `wire.Message` has them: Anthropic's
signed ones, or others in sealed form: see vaultcore.opaque_state.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from vaultcore.dialects.json_fields import dump
from vaultcore.opaque_state.envelope import is_sealed
from vaultcore.wire import Json

PREFIX = "ve1."


def encode_state(blocks: Sequence[Json]) -> str:
    """Return the blocks as one string. It is not encrypted: its owner can read the reasoning in it."""
    return PREFIX + urlsafe_b64encode(dump(list(blocks)).encode(errors="replace")).decode()


def decode_state(text: object) -> list[Json] | None:
    """Return the blocks of an encoded string; None if the gateway did not encode it or it is damaged.

    A sealed text, which a native response has, is one block.
    """
    if is_sealed(text):
        return [{"type": "redacted_thinking", "data": text}]
    if not isinstance(text, str) or not text.startswith(PREFIX):
        return None
    try:
        blocks = json.loads(urlsafe_b64decode(text.removeprefix(PREFIX)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(blocks, list):
        return None
    return [block for block in blocks if isinstance(block, dict)]


def is_encoded_state(text: object) -> bool:
    """Return True if the gateway encoded the text; it may be damaged."""
    return is_sealed(text) or (isinstance(text, str) and text.startswith(PREFIX))
