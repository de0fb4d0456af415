"""AWS event streams (B24)."""

from __future__ import annotations

import json
import struct

import pytest
from botocore.eventstream import EventStreamBuffer

from tests.fakes.eventstream import event, exception, header, message
from vaultcore.streams.eventstream import Decoder
from vaultcore.streams.sse import Event

WIDE = b"".join(
    [
        header("a", True),
        header("b", False),
        header("c", 7),
        header("d", b"\x00\xff"),
        b"\x01e\x02\x01",
        b"\x01f\x03\x00\x01",
        b"\x01g\x04\x00\x00\x00\x01",
        b"\x01h\x08" + bytes(8),
        b"\x01i\x09" + bytes(16),
        header(":event-type", "wide"),
    ]
)
STREAM = b"".join(
    [
        event("messageStart", {"role": "assistant"}),
        event("contentBlockDelta", {"delta": {"text": "Grüße 🌍"}}),
        message(WIDE, b"{}"),
        message(header(":event-type", "empty"), b""),
        exception("throttlingException", {"message": "slow down"}),
        message(
            header(":message-type", "error")
            + header(":error-code", "InternalError")
            + header(":error-message", "oh"),
            b"",
        ),
    ]
)
EVENTS = [
    Event(json.dumps({"role": "assistant"}), "messageStart"),
    Event(json.dumps({"delta": {"text": "Grüße 🌍"}}), "contentBlockDelta"),
    Event("{}", "wide"),
    Event("", "empty"),
    Event(json.dumps({"message": "slow down"}), "exception:throttlingException"),
    Event('{"message": "oh"}', "error:InternalError"),
]


@pytest.mark.parametrize("size", [*range(1, 40), 61, 200, len(STREAM)])
def test_b24_events_do_not_depend_on_splits(size: int) -> None:
    """The events do not depend on how the bytes are split."""
    decoder = Decoder()
    pieces = [STREAM[i : i + size] for i in range(0, len(STREAM), size)]

    assert [*(e for piece in pieces for e in decoder.feed(piece)), *decoder.close()] == EVENTS


def test_b24_every_split_in_two() -> None:
    """The events are the same for every split in two."""
    for cut in range(len(STREAM) + 1):
        decoder = Decoder()
        assert [*decoder.feed(STREAM[:cut]), *decoder.feed(STREAM[cut:]), *decoder.close()] == EVENTS


def test_b24_botocore_reads_the_same() -> None:
    """botocore decodes the messages of this file to the same events."""
    buffer = EventStreamBuffer()
    buffer.add_data(STREAM)

    assert [(each.payload.decode(), each.headers.get(":event-type", "")) for each in buffer][:4] == [
        (each.data, each.name) for each in EVENTS[:4]
    ]


@pytest.mark.parametrize("place", range(len(event("a", {}))))
def test_b24_damage_is_detected(place: int) -> None:
    """A message with any changed byte raises ValueError: both checksums are checked."""
    damaged = bytearray(event("a", {}))
    damaged[place] ^= 0x10
    decoder = Decoder()

    with pytest.raises(ValueError, match="message"):
        [*decoder.feed(bytes(damaged)), *decoder.close()]


def _prelude(size: int, headers: int) -> bytes:
    import binascii

    head = struct.pack(">II", size, headers)
    return head + struct.pack(">I", binascii.crc32(head))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (_prelude(16, 1) + bytes(4), "shorter than its headers"),
        (_prelude(0, 0), "shorter than its headers"),
        (_prelude(1 << 31, 0), "more than"),
        (message(b"\x09ab", b""), "ends after the end of the headers"),
        (message(b"\x01a\x07\x00\x09", b""), "ends after the end of the headers"),
        (message(b"\x01a\x0a", b""), "unknown type"),
        (STREAM[:-1], "ends within a message"),
        (b"data: {}\n\n", "ends within a message"),
        (b"<html><body>oops</body></html>", "damaged"),
    ],
)
def test_b24_invalid_streams_raise(raw: bytes, reason: str) -> None:
    """Impossible lengths, headers beyond their end and truncated messages raise ValueError."""
    decoder = Decoder()

    with pytest.raises(ValueError, match=reason):
        [*decoder.feed(raw), *decoder.close()]


def test_b24_small_pieces_take_linear_time() -> None:
    """A large message that arrives byte by byte is parsed once, not once per byte."""
    raw = event("a", {"text": "x" * 200_000})
    decoder = Decoder()

    assert sum(len(list(decoder.feed(raw[i : i + 1]))) for i in range(len(raw))) == 1
