"""Builds AWS event stream messages by the specification, to test the decoder."""

from __future__ import annotations

import binascii
import json
import struct
from typing import Any


def header(name: str, value: object) -> bytes:
    """Return a header with text, bytes, a boolean or an 8-byte integer."""
    head = bytes([len(name)]) + name.encode()
    match value:
        case bool():
            return head + (b"\x00" if value else b"\x01")
        case int():
            return head + b"\x05" + struct.pack(">q", value)
        case bytes():
            return head + b"\x06" + struct.pack(">H", len(value)) + value
        case _:
            text = str(value).encode()
            return head + b"\x07" + struct.pack(">H", len(text)) + text


def message(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack(">I", binascii.crc32(prelude))
    body = prelude + headers + payload
    return body + struct.pack(">I", binascii.crc32(body))


def event(kind: str, payload: Any) -> bytes:
    head = header(":event-type", kind) + header(":content-type", "application/json")
    return message(head + header(":message-type", "event"), json.dumps(payload).encode())


def exception(kind: str, payload: Any) -> bytes:
    head = header(":exception-type", kind) + header(":message-type", "exception")
    return message(head, json.dumps(payload).encode())
