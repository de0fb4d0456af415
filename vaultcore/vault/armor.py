"""The text around a sealed vault: a prefix, and base64 with exactly one spelling (RFC 4648, section 3.5)."""

from __future__ import annotations

import base64
import binascii

MAX_SEALED = 1_500_000  # characters: 1 MiB of keys in base64, with room for every header
_SPACE = " \t\r\n\v\f"  # ASCII only: what editors, shells and .env files leave at the ends


def wrap(prefix: str, wire: bytes) -> str:
    return prefix + base64.b64encode(wire).decode("ascii")


def trim(sealed: str) -> str:
    """The string without the white space that files and clipboards put around it."""
    return sealed.strip(_SPACE)


def unwrap(prefix: str, sealed: str) -> bytes | None:
    """The bytes of a trimmed string, or None where it is not the one spelling of any bytes.

    Line breaks inside, missing padding, the URL-safe alphabet, text after the padding and non-zero trailing
    bits are all refused, so that no two strings open to the same vault.
    """
    text = sealed.removeprefix(prefix)
    try:
        wire = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return wire if base64.b64encode(wire).decode("ascii") == text else None
