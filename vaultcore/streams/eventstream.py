"""AWS event stream, bytes to events: https://smithy.io/2.0/aws/amazon-eventstream.html.

A message is its length, the length of its headers, a checksum of both, headers, payload and a checksum of all
that. Its payload becomes the data of an event and its type the name; of an exception the name is
`exception:` and its type, of an error `error:` and its code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from struct import Struct
from zlib import crc32

from vaultcore.streams.sse import MAX_EVENT, Event

PRELUDE = Struct(">III")  # length of the message, length of its headers, checksum of the two
CHECKSUM = Struct(">I")
LEAST = PRELUDE.size + CHECKSUM.size
TEXT, BLOB = 7, 6  # types of header values that say how long they are
SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # of the others, by type


class Decoder:
    """The bytes of a stream to its events. Raises ValueError at what is no message, or not as it was sent."""

    __slots__ = ("_held", "_limit")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._held = bytearray()

    def feed(self, item: bytes) -> Iterable[Event]:
        self._held += item
        events, start = [], 0
        while (size := self._size(start)) is not None and len(self._held) >= start + size:
            events.append(_event(bytes(self._held[start : start + size])))
            start += size
        del self._held[:start]
        return events

    def close(self) -> Iterable[Event]:
        if self._held:
            raise ValueError("a stream that ends within a message")
        return ()

    def _size(self, start: int) -> int | None:
        """The length of the message that begins there, once its prelude has come and is sound."""
        if len(self._held) < start + PRELUDE.size:
            return None
        size, headers, told = PRELUDE.unpack_from(self._held, start)
        if crc32(self._held[start : start + PRELUDE.size - CHECKSUM.size]) != told:
            raise ValueError("a message whose prelude was damaged")
        if size < LEAST + headers:
            raise ValueError("a message shorter than its headers")
        if size > self._limit:
            raise ValueError(f"a message of more than {self._limit} bytes")
        return int(size)


def _event(message: bytes) -> Event:
    """The event that a whole message is."""
    body = message[: -CHECKSUM.size]
    if crc32(body) != CHECKSUM.unpack_from(message, len(body))[0]:
        raise ValueError("a message that was damaged")
    end = PRELUDE.size + PRELUDE.unpack_from(message)[1]
    headers = dict(_headers(message[PRELUDE.size : end]))
    payload = body[end:].decode(errors="replace")
    match headers.get(":message-type", "event"):
        case "event":
            return Event(payload, headers.get(":event-type", ""))
        case "error":
            told = payload or json.dumps({"message": headers.get(":error-message", "")})
            return Event(told, f"error:{headers.get(':error-code', '')}")
        case kind:
            return Event(payload or "{}", f"{kind}:{headers.get(':exception-type', '')}")


def _headers(data: bytes) -> Iterator[tuple[str, str]]:
    """The headers whose values are text; of the others only the length matters."""
    at = 0
    while at < len(data):
        name, at = _take(data, at + 1, data[at])
        kind, at = _take(data, at, 1)
        if kind[0] in {TEXT, BLOB}:
            length, at = _take(data, at, 2)
            value, at = _take(data, at, int.from_bytes(length))
            if kind[0] == TEXT:
                yield name.decode(errors="replace"), value.decode(errors="replace")
        elif kind[0] in SIZES:
            _, at = _take(data, at, SIZES[kind[0]])
        else:
            raise ValueError("a header of a type that there is not")


def _take(data: bytes, start: int, size: int) -> tuple[bytes, int]:
    """That many bytes, and where the next begin."""
    end = start + size
    if end > len(data):
        raise ValueError("a header longer than all of them")
    return data[start:end], end
