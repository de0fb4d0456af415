"""Decodes AWS event streams: https://smithy.io/2.0/aws/amazon-eventstream.html.

A message consists of its length, the length of its headers, a checksum of both, the headers, the payload
and a checksum of everything before. It becomes an Event: the payload is the data, the event type is the
name. The name of an exception is `exception:<type>`, the name of an error `error:<code>`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from struct import Struct
from zlib import crc32

from vaultcore.streams.sse import MAX_EVENT, Event

PRELUDE = Struct(">III")  # bytes of the message, bytes of its headers, checksum of the two
CHECKSUM = Struct(">I")
MIN_MESSAGE = PRELUDE.size + CHECKSUM.size  # bytes
TEXT, BLOB = 7, 6  # types of header values with a length prefix
SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # other type -> bytes of its value


class Decoder:
    """Decodes bytes into events. Raises ValueError for an invalid or damaged message."""

    __slots__ = ("_buffer", "_limit")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, item: bytes) -> Iterable[Event]:
        self._buffer += item
        events, start = [], 0
        while (size := self._message_size(start)) is not None and len(self._buffer) >= start + size:
            events.append(_parse_message(bytes(self._buffer[start : start + size])))
            start += size
        del self._buffer[:start]
        return events

    def close(self) -> Iterable[Event]:
        if self._buffer:
            raise ValueError("the stream ends within a message")
        return ()

    def _message_size(self, start: int) -> int | None:
        """Return the bytes of the message at `start`, or None if its prelude is incomplete."""
        if len(self._buffer) < start + PRELUDE.size:
            return None
        size, headers, checksum = PRELUDE.unpack_from(self._buffer, start)
        if crc32(self._buffer[start : start + PRELUDE.size - CHECKSUM.size]) != checksum:
            raise ValueError("the prelude of a message is damaged")
        if size < MIN_MESSAGE + headers:
            raise ValueError("a message is shorter than its headers")
        if size > self._limit:
            raise ValueError(f"a message has more than {self._limit} bytes")
        return int(size)


def _parse_message(message: bytes) -> Event:
    """Return the event of a complete message."""
    body = message[: -CHECKSUM.size]
    if crc32(body) != CHECKSUM.unpack_from(message, len(body))[0]:
        raise ValueError("a message is damaged")
    end = PRELUDE.size + PRELUDE.unpack_from(message)[1]
    headers = dict(_parse_headers(message[PRELUDE.size : end]))
    payload = body[end:].decode(errors="replace")
    match headers.get(":message-type", "event"):
        case "event":
            return Event(payload, headers.get(":event-type", ""))
        case "error":
            data = payload or json.dumps({"message": headers.get(":error-message", "")})
            return Event(data, f"error:{headers.get(':error-code', '')}")
        case kind:
            return Event(payload or "{}", f"{kind}:{headers.get(':exception-type', '')}")


def _parse_headers(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the names and values of text headers; skip the others."""
    offset = 0
    while offset < len(data):
        name, offset = _read_bytes(data, offset + 1, data[offset])
        kind, offset = _read_bytes(data, offset, 1)
        if kind[0] in {TEXT, BLOB}:
            length, offset = _read_bytes(data, offset, 2)
            value, offset = _read_bytes(data, offset, int.from_bytes(length))
            if kind[0] == TEXT:
                yield name.decode(errors="replace"), value.decode(errors="replace")
        elif kind[0] in SIZES:
            _, offset = _read_bytes(data, offset, SIZES[kind[0]])
        else:
            raise ValueError("a header has an unknown type")


def _read_bytes(data: bytes, start: int, size: int) -> tuple[bytes, int]:
    """Return `size` bytes and the offset after them."""
    end = start + size
    if end > len(data):
        raise ValueError("a header ends after the end of the headers")
    return data[start:end], end
