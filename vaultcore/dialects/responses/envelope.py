"""Reasoning that only its issuer can read, in an envelope that a client of ours carries back and forth.

Inside are thinking blocks as `wire.Message` has them: Anthropic's signed ones, or `reasoning` items of a
Responses API with the provider and the model that issued them. A client sees one opaque string.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from vaultcore.dialects.json_fields import dump
from vaultcore.wire import Json

MARK = "ve1."


def seal(blocks: Sequence[Json]) -> str:
    """The blocks as one string. Not a secret: whoever holds it may read what was thought aloud."""
    return MARK + urlsafe_b64encode(dump(list(blocks)).encode(errors="replace")).decode()


def unseal(text: object) -> list[Json] | None:
    """The blocks of an envelope; None where the text is none of ours, or no longer whole."""
    if not isinstance(text, str) or not text.startswith(MARK):
        return None
    try:
        blocks = json.loads(urlsafe_b64decode(text.removeprefix(MARK)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(blocks, list):
        return None
    return [block for block in blocks if isinstance(block, dict)]


def enveloped(text: object) -> bool:
    """Whether a text claims to be an envelope of ours, whole or not."""
    return isinstance(text, str) and text.startswith(MARK)
