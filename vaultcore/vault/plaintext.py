"""The plaintext of a vault: UTF-8 JSON, an array of objects with the strings `provider` and `key`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from vaultcore.vault.keyring import Credential

MAX_BYTES = 1 << 20  # bytes of JSON
MAX_DEPTH = 32  # nested arrays and objects
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


def render(credentials: Iterable[Credential]) -> bytes | None:
    """Return the bytes to seal, or None if a key is not valid Unicode or the keys exceed MAX_BYTES."""
    entries = [{"provider": credential.provider, "key": credential.key} for credential in credentials]
    if not all(is_text(value) for entry in entries for value in entry.values()):
        return None
    plaintext = json.dumps(entries, separators=(",", ":")).encode("ascii")
    return plaintext if len(plaintext) <= MAX_BYTES else None


def parse(plaintext: bytes) -> list[Credential] | None:
    """Return the provider keys in decrypted bytes, in order, or None for anything else.

    Raises nothing, because a traceback from here would contain the keys. Other fields are ignored.
    """
    if len(plaintext) > MAX_BYTES or _depth(plaintext) > MAX_DEPTH:
        return None
    try:
        entries = json.loads(
            plaintext.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):  # bad UTF-8, bad JSON, numbers too long to read
        return None
    if not isinstance(entries, list):
        return None
    credentials = [_credential(entry) for entry in entries]
    valid = [credential for credential in credentials if credential is not None]
    return valid if len(valid) == len(credentials) else None


def _credential(entry: object) -> Credential | None:
    match entry:
        case {"provider": str(provider), "key": str(key)} if is_text(provider) and is_text(key):
            return Credential(provider, key)
        case _:
            return None


def is_text(value: str) -> bool:
    """Return False for a lone surrogate, which JSON allows but no header can contain."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _depth(plaintext: bytes) -> int:
    deepest = level = 0
    for token in _STRING_OR_BRACKET.finditer(plaintext):
        match token.group():
            case b"[" | b"{":
                level += 1
                deepest = max(deepest, level)
            case b"]" | b"}":
                level -= 1
    return deepest


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entry = dict(pairs)
    if len(entry) != len(pairs):
        raise ValueError
    return entry


def _refuse_constant(_name: str) -> None:
    raise ValueError
