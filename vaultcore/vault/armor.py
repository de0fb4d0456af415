"""Text encoding of sealed vaults: a prefix and base64 in its canonical form (RFC 4648, section 3.5)."""

from __future__ import annotations

import base64
import binascii

MAX_SEALED = 1_500_000  # characters: 1 MiB of keys in base64, and the headers
_SPACE = " \t\r\n\v\f"  # ASCII white space that editors, shells and .env files add at the ends


def wrap(prefix: str, wire: bytes) -> str:
    """Return the vault string of sealed bytes."""
    return prefix + base64.b64encode(wire).decode("ascii")


def trim(sealed: str) -> str:
    """Return the string without white space at its ends, which files and clipboards add."""
    return sealed.strip(_SPACE)


def unwrap(prefix: str, sealed: str) -> bytes | None:
    """Return the bytes of a trimmed string, or None if it is not canonical base64.

    Line breaks, missing padding, the URL-safe alphabet, text after the padding and non-zero trailing bits are
    rejected, so that each vault has exactly one string.
    """
    text = sealed.removeprefix(prefix)
    try:
        wire = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return wire if base64.b64encode(wire).decode("ascii") == text else None
