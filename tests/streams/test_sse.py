"""Server-sent events, decoded and encoded."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.streams.sse import Decoder, Event


def decode(*pieces: bytes) -> list[Event]:
    decoder = Decoder()
    return [*(event for piece in pieces for event in decoder.feed(piece)), *decoder.close()]


CASES = {
    "one event": (b'data: {"a":1}\n\n', [Event('{"a":1}')]),
    "no space after the colon": (b"data:x\n\n", [Event("x")]),
    "only one space belongs to the separator": (b"data:  x\n\n", [Event(" x")]),
    "two at once": (b"data: a\n\ndata: b\n\n", [Event("a"), Event("b")]),
    "carriage returns": (b"data: a\r\rdata: b\r\r", [Event("a"), Event("b")]),
    "both": (b"data: a\r\n\r\ndata: b\r\n\r\n", [Event("a"), Event("b")]),
    "mixed": (b"data: a\r\n\ndata: b\n\r\ndata: c\r\n\r", [Event("a"), Event("b"), Event("c")]),
    "name": (b"event: ping\ndata: {}\n\n", [Event("{}", "ping")]),
    "a name lasts for one event": (b"event: a\ndata: 1\n\ndata: 2\n\n", [Event("1", "a"), Event("2")]),
    "a name without data is forgotten": (b"event: a\n\ndata: 2\n\n", [Event("2")]),
    "many lines": (b"data: a\ndata\ndata: c\n\n", [Event("a\n\nc")]),
    "comments, id, retry, unknown": (b": ping\nid: 4\nretry: 9\nx: y\nz\ndata: a\n\n", [Event("a")]),
    "keep-alives": (b": OPENROUTER PROCESSING\n\n\n\n\ndata: a\n\n", [Event("a")]),
    "empty data": (b"data:\n\ndata: \n\n", [Event(""), Event("")]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [Event("a")]),
    "a later mark is text": (b"data: \xef\xbb\xbfa\n\n", [Event("\ufeffa")]),
    "mark before a blank line": (b"\xef\xbb\xbf\ndata: a\n\n", [Event("a")]),
    "no blank line at the end": (b"data: a\n\ndata: b\n", [Event("a"), Event("b")]),
    "no newline at the end": (b"data: a\n\ndata: b", [Event("a"), Event("b")]),
    "utf-8": ("data: Grüße, 世界 🌍\n\n".encode(), [Event("Grüße, 世界 🌍")]),
    "line separators of unicode are text": (
        "data: a\u2028b\u0085c\x0bd\x0ce\n\n".encode(),
        [Event("a\u2028b\x85c\x0bd\x0ce")],
    ),
    "broken utf-8": (b"data: a\xffb\n\n", [Event("a\ufffdb")]),
    "nothing": (b"", []),
    "no events": (b"<!doctype html>\n<html>\n\n</html>", []),
}


@pytest.mark.parametrize("name", CASES)
def test_bytes_become_events(name: str) -> None:
    """A stream is decoded as the specification says; an unfinished last event is returned, too."""
    raw, events = CASES[name]

    assert decode(raw) == events


@pytest.mark.parametrize("name", CASES)
def test_events_do_not_depend_on_splits(name: str) -> None:
    """The events do not depend on how the bytes are split."""
    raw, events = CASES[name]

    for size in range(1, len(raw) + 1):
        assert decode(*(raw[i : i + size] for i in range(0, len(raw), size))) == events
        assert decode(raw[:size], b"", raw[size:]) == events


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"])
def test_an_event_is_returned_with_its_last_byte(newline: bytes) -> None:
    """The blank line completes an event, even if it is a \r that a \n may follow."""
    assert list(Decoder().feed(b"data: a" + newline + newline)) == [Event("a")]


@given(st.lists(st.builds(Event, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")))))
def test_encoded_events_are_decoded(events: list[Event]) -> None:
    """Decoding the encoded events returns them."""
    assert decode(b"".join(event.encode() for event in events)) == events


def test_names_and_lines_are_encoded() -> None:
    """A named event and one of several lines have one field per line."""
    assert Event("{}", "ping").encode() == b"event: ping\ndata: {}\n\n"
    assert Event("a\r\nb\rc").encode() == b"data: a\ndata: b\ndata: c\n\n"


def test_a_lone_surrogate_is_replaced() -> None:
    """Text without a UTF-8 form is replaced; encoding it raises nothing."""
    assert Event("a\ud800").encode() == b"data: a?\n\n"


@pytest.mark.parametrize("raw", [b"data: " + b"x" * 200, b"data: 12345678\n" * 20])
def test_an_event_over_the_limit_raises(raw: bytes) -> None:
    """A long line or an event of many lines over the limit raises ValueError, however it is split."""

    def feed(size: int) -> None:
        decoder = Decoder(limit=100)
        for i in range(0, len(raw), size):
            decoder.feed(raw[i : i + size])

    for size in (1, 7, len(raw)):
        with pytest.raises(ValueError, match="more than 100 bytes"):
            feed(size)


def test_the_limit_is_per_event() -> None:
    """Events and comments together may be longer than the limit of one event."""
    decoder = Decoder(limit=100)

    assert (
        len([event for _ in range(100) for event in decoder.feed(b": ping ping\n\ndata: 1234567\n\n")]) == 100
    )


def test_long_lines_take_linear_time() -> None:
    """A megabyte byte by byte, or five in small pieces, takes CPU seconds, not minutes."""
    start = time.process_time()
    one = decode(*([b"data: "] + [b"x"] * 1_000_000 + [b"\n\n"]))
    five = decode(b"data: ", *([b"x" * 65_536] * 80), b"\n\n")

    assert len(one[0].data) == 1_000_000
    assert len(five[0].data) == 80 * 65_536
    assert time.process_time() - start < 10
