"""Heads of responses on the wire of a serving gateway."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from vaultcore.cli.head_joiner import HeadJoiner

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Recorder(asyncio.Transport):
    """A transport that lists what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_open = True

    def write(self, data: Any) -> None:
        assert self.is_open
        self.written.append(bytes(data))

    def close(self) -> None:
        self.is_open = False

    def is_closing(self) -> bool:
        return not self.is_open

    def pause_reading(self) -> None:
        return

    def resume_reading(self) -> None:
        return


@pytest.mark.parametrize(
    ("writes", "expected"),
    [
        ((HEAD, b"ok"), [HEAD + b"ok"]),
        ((HEAD, b""), [HEAD]),
        ((HEAD, b"o", b"k"), [HEAD + b"o", b"k"]),
        ((STREAM, b"2\r\nok\r\n", b"0\r\n\r\n"), [STREAM, b"2\r\nok\r\n", b"0\r\n\r\n"]),
        ((HEAD, b"ok", HEAD, b"ok"), [HEAD + b"ok", HEAD + b"ok"]),
        ((b"HTTP/1.1 100 Continue\r\n\r\n", HEAD, b"ok"), [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"ok"]),
    ],
    ids=["whole", "empty body", "body in parts", "stream", "two responses", "interim response"],
)
def test_a_head_with_a_length_goes_out_with_its_body(
    writes: tuple[bytes, ...], expected: list[bytes]
) -> None:
    """A whole response is one write; the head of a stream does not wait for its first event."""
    recorder = Recorder()
    joiner = HeadJoiner(recorder)
    for data in writes:
        joiner.write(data)

    assert recorder.written == expected


@pytest.mark.parametrize("end", ["flush", "close"])
def test_a_head_without_a_body_goes_out_at_the_end(end: str) -> None:
    """The response to HEAD has a length and no body: its head is written when the response ends."""
    recorder = Recorder()
    joiner = HeadJoiner(recorder)
    joiner.write(HEAD)
    getattr(joiner, end)()

    assert recorder.written == [HEAD]
