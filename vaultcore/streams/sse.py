"""Server-sent events, bytes to events and back: https://html.spec.whatwg.org/multipage/server-sent-events.html.

One liberty is taken: an event that only the last blank line is missing from is still told at `close`, because
providers end their streams so, and the last event is the one that says why the answer ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MAX_EVENT = 16 * 1024 * 1024  # bytes; more than any provider sends, less than would hurt
BOM = b"\xef\xbb\xbf"
RETURN, NEWLINE = 13, 10


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `name` is empty where the stream gives none, which means `message`."""

    data: str
    name: str = ""

    def encode(self) -> bytes:
        # A lone surrogate has no UTF-8 form: whoever writes JSON has escaped it before it comes here.
        if not self.name and "\n" not in self.data and "\r" not in self.data:
            return f"data: {self.data}\n\n".encode(errors="replace")
        lines = self.data.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        head = f"event: {self.name}\n" if self.name else ""
        return (head + "".join([f"data: {line}\n" for line in lines]) + "\n").encode(errors="replace")


class Decoder:
    """The bytes of a stream to its events. Raises ValueError at an event of more than `limit` bytes."""

    __slots__ = ("_begun", "_data", "_data_size", "_held", "_held_size", "_limit", "_name", "_returned")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._begun = False  # a BOM may only stand before the first line
        self._returned = False  # the last byte fed was \r: a \n that follows belongs to it
        self._held: list[bytes] = []  # pieces of a line that has not ended, joined once it has
        self._held_size = 0
        self._data: list[bytes] = []
        self._data_size = 0
        self._name = b""

    def feed(self, item: bytes) -> Iterable[Event]:
        if self._returned and item:
            self._returned = False
            if item[0] == NEWLINE:
                item = item[1:]
        if not item:
            return ()
        lines = item.splitlines()  # of bytes: at \n, \r and \r\n, nowhere else
        last = item[-1]
        tail = b"" if last in {NEWLINE, RETURN} else lines.pop()
        self._returned = last == RETURN
        if lines and self._held:
            lines[0] = b"".join([*self._held, lines[0]])
            self._held.clear()
            self._held_size = 0
        if tail:
            self._held.append(tail)
            self._held_size += len(tail)
        events = self._take(lines) if lines else []
        self._check(self._held_size + self._data_size)
        return events

    def close(self) -> Iterable[Event]:
        line = b"".join(self._held)
        self._held.clear()
        self._held_size = 0
        return self._take([line, b""] if line else [b""])

    def _take(self, lines: list[bytes]) -> list[Event]:
        if not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(BOM)
        events = []
        for line in lines:
            if not line:
                if self._data:
                    events.append(self._event())
                self._name = b""
            elif line.startswith(b"data: "):
                self._keep(line[6:])
            else:
                self._field(line)
        return events

    def _field(self, line: bytes) -> None:
        """Any field but the usual one; comments, `id` and `retry` mean nothing to us."""
        field, _, value = line.partition(b":")
        match field:
            case b"data":
                self._keep(value.removeprefix(b" "))
            case b"event":
                self._name = value.removeprefix(b" ")

    def _keep(self, value: bytes) -> None:
        self._data.append(value)
        self._data_size += len(value) + 1
        self._check(self._data_size)

    def _event(self) -> Event:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data.clear()
        self._data_size = 0
        return Event(data.decode(errors="replace"), self._name.decode(errors="replace"))

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise ValueError(f"an event of more than {self._limit} bytes")
