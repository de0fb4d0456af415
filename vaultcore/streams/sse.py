"""Server-sent events, decoded and encoded: https://html.spec.whatwg.org/multipage/server-sent-events.html.

One deviation from the specification: `close` returns a last event that lacks its blank line. Some providers
end their streams so, and the last event contains the finish reason.
"""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.lazy_dataclass import dataclass

MAX_EVENT = 16 * 1024 * 1024  # bytes; larger than any event of a provider, small enough for memory
BOM = b"\xef\xbb\xbf"
RETURN, NEWLINE = 13, 10


@dataclass(slots=True)  # not frozen: that takes 0.6 µs more per event, and a chunk has two
class Event:
    """One event. `name` is "" if the stream does not name it, which means `message`."""

    data: str
    name: str = ""

    def encode(self) -> bytes:
        # A lone surrogate has no UTF-8 form; encoders of JSON escape it before.
        if not self.name and "\n" not in self.data and "\r" not in self.data:
            return f"data: {self.data}\n\n".encode(errors="replace")
        lines = self.data.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        head = f"event: {self.name}\n" if self.name else ""
        return (head + "".join([f"data: {line}\n" for line in lines]) + "\n").encode(errors="replace")


class Decoder:
    """Decodes bytes into events. Raises ValueError for an event of more than `limit` bytes."""

    __slots__ = (
        "_data",
        "_data_size",
        "_ends_in_cr",
        "_expects_bom",
        "_limit",
        "_line",
        "_line_size",
        "_name",
    )

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._expects_bom = True  # a byte order mark may precede the first line only
        self._ends_in_cr = False  # the last byte was \r: a \n after it belongs to the same line end
        self._line: list[bytes] = []  # fragments of a line that has not ended, joined when it ends
        self._line_size = 0  # bytes
        self._data: list[bytes] = []  # the data lines of the current event
        self._data_size = 0  # bytes
        self._name = ""

    def feed(self, item: bytes) -> Iterable[Event]:
        if self._ends_in_cr and item:
            self._ends_in_cr = False
            if item[0] == NEWLINE:
                item = item[1:]
        if not item:
            return ()
        lines = item.splitlines()  # bytes split at \n, \r and \r\n only
        last = item[-1]
        tail = b"" if last in {NEWLINE, RETURN} else lines.pop()
        self._ends_in_cr = last == RETURN
        if lines and self._line:
            lines[0] = b"".join([*self._line, lines[0]])
            self._line.clear()
            self._line_size = 0
        if tail:
            self._line.append(tail)
            self._line_size += len(tail)
        events = self._read_lines(lines) if lines else []
        if self._line_size + self._data_size > self._limit:
            raise self._too_large()
        return events

    def close(self) -> Iterable[Event]:
        line = b"".join(self._line)
        self._line.clear()
        self._line_size = 0
        return self._read_lines([line, b""] if line else [b""])

    def _read_lines(self, lines: list[bytes]) -> list[Event]:
        if self._expects_bom:
            self._expects_bom = False
            lines[0] = lines[0].removeprefix(BOM)
        events, data = [], self._data
        for line in lines:
            if not line:
                if data:
                    text = (data[0] if len(data) == 1 else b"\n".join(data)).decode("utf-8", "replace")
                    events.append(Event(text, self._name))
                    data.clear()
                    self._data_size = 0
                self._name = ""
            elif line.startswith(b"data: "):
                data.append(line[6:])
                self._data_size += len(line) - 5
                if self._data_size > self._limit:
                    raise self._too_large()
            else:
                self._read_field(line)
        return events

    def _read_field(self, line: bytes) -> None:
        """Read a field in an unusual form or `event`; ignore comments, `id` and `retry`."""
        field, _, value = line.partition(b":")
        match field:
            case b"data":
                value = value.removeprefix(b" ")
                self._data.append(value)
                self._data_size += len(value) + 1
                if self._data_size > self._limit:
                    raise self._too_large()
            case b"event":
                self._name = value.removeprefix(b" ").decode("utf-8", "replace")

    def _too_large(self) -> ValueError:
        return ValueError(f"an event has more than {self._limit} bytes")
