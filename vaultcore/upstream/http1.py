"""HTTP/1.1 as a client speaks it, without any I/O: https://www.rfc-editor.org/rfc/rfc9112.

Strict where leniency would let two readers see different bodies; as lenient as that RFC asks for elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Fields = list[tuple[bytes, bytes]]

MAX_HEAD = 64 * 1024  # bytes of a status line with its headers, and of trailers
MAX_SIZE_LINE = 1_024  # bytes of a chunk's size with its extensions

_BLANK = re.compile(rb"\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\x00\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00\r\n]*)?")
_LENGTH = re.compile(rb"[0-9]{1,15}")


class Malformed(ValueError):
    """What came is not an HTTP/1.1 response, or not all of one."""


def render(method: str, target: bytes, fields: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    """A request as bytes. Raises ValueError where a header would not stay one line."""
    lines = [b"%b %b HTTP/1.1" % (method.encode(), target), *[b"%b: %b" % field for field in fields]]
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1 or b"\0" in head:
        raise ValueError("a header does not stay one line")
    return b"%b\r\n\r\n%b" % (head, body)


class Response:
    """A machine that is fed the bytes of one response and answers with those of its body."""

    def __init__(self) -> None:
        self.status = 0  # until the head is there
        self.fields: Fields = []
        self.complete = False
        self.reusable = False  # whether its connection can carry another, once complete
        self._held = b""
        self._left: int | None = 0  # bytes of the body or the chunk still to come; None: until the end
        self._chunked = False
        self._between = False  # chunks: the line break that ends one is due
        self._trailers = False

    def feed(self, data: bytes) -> bytes:
        """The bytes of the body that these complete. Raises `Malformed`."""
        if not self.status:
            seen = len(self._held)
            self._held += data
            if not self._head(max(seen - 3, 0)):
                return b""
            data, self._held = self._held, b""
        if self._chunked:
            return self._chunks(data)
        return self._plain(data)

    def close(self) -> None:
        """The connection has ended. Raises `Malformed` where the response has not."""
        if self.complete:
            return
        if not self.status or self._chunked or self._left is not None:
            raise Malformed("the connection ended before the response did")
        self.complete = True

    def _head(self, start: int) -> bool:
        """Take the head off what is held, interim ones as well; False while it is not all there."""
        while not self.status:
            end = _BLANK.search(self._held, start)
            start = 0
            if end is None:
                if len(self._held) > MAX_HEAD:
                    raise Malformed("the response's head has no end")
                return False
            head, self._held = self._held[: end.start()], self._held[end.end() :]
            lines = [line.removesuffix(b"\r") for line in _FOLD.sub(b" ", head).split(b"\n")]
            first = _STATUS.fullmatch(lines[0])
            if first is None or first[2] == b"101":
                raise Malformed("the response does not begin as one")
            if not first[2].startswith(b"1"):
                self._frame(int(first[2]), _fields(lines[1:]), newest=first[1] == b"1")
        return True

    def _frame(self, status: int, fields: Fields, *, newest: bool) -> None:
        self.status, self.fields = status, fields
        codings = _listed(fields, b"transfer-encoding")
        lengths = set(_listed(fields, b"content-length"))
        kept = newest and b"close" not in _listed(fields, b"connection")
        if status in {204, 304}:
            self.complete, self.reusable = True, kept
        elif codings:
            if codings != [b"chunked"]:
                raise Malformed("the response has a transfer coding that was not asked for")
            self._chunked, self.reusable = True, kept and not lengths
        elif lengths:
            length = lengths.pop()
            if lengths or not _LENGTH.fullmatch(length):
                raise Malformed("the response's length makes no sense")
            self._left, self.reusable = int(length), kept
            self.complete = self._left == 0
        else:
            self._left = None

    def _plain(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        body = data[: self._left]
        self._left -= len(body)
        self.complete = self._left == 0
        if len(data) > len(body):
            self.reusable = False  # bytes nobody asked for
        return body

    def _chunks(self, data: bytes) -> bytes:
        if self._held:
            data, self._held = self._held + data, b""
        parts: list[bytes] = []
        at, size = 0, len(data)
        while at < size and not self.complete:
            if self._left:
                part = data[at : at + self._left]
                parts.append(part)
                self._left -= len(part)
                at += len(part)
                self._between = not self._left
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                self._hold(data[at:])
                break
            line, at = data[at:end], end + 2
            self._line(line)
        if at < size and self.complete:
            self.reusable = False
        return b"".join(parts)

    def _line(self, line: bytes) -> None:
        """A line between chunks: the empty one that ends a chunk, the size of the next, or a trailer."""
        if self._between:
            if line:
                raise Malformed("a chunk is longer than it said")
            self._between = False
        elif self._trailers:
            self.complete = not line
        else:
            found = _SIZE.fullmatch(line)
            if found is None:
                raise Malformed("a chunk has no size")
            self._left = int(found[1], 16)
            self._trailers = self._left == 0

    def _hold(self, rest: bytes) -> None:
        self._held = rest
        if len(rest) > (MAX_HEAD if self._trailers else MAX_SIZE_LINE):
            raise Malformed("a line between chunks has no end")
        if self._between and rest != b"\r":
            raise Malformed("a chunk is longer than it said")


def _fields(lines: list[bytes]) -> Fields:
    fields: Fields = []
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise Malformed("a header of the response makes no sense")
        fields.append((found[1].lower(), found[2].rstrip(b" \t")))
    return fields


def _listed(fields: Fields, name: bytes) -> list[bytes]:
    """All members of a header that is a list, in lower case."""
    return [
        member.strip().lower() for field, value in fields if field == name for member in value.split(b",")
    ]
