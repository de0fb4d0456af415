"""Records as they are kept."""

from __future__ import annotations

from vaultcore.usage.record import Record, AttemptRecord

ROW = Record(
    "request",
    "key_1",
    at=1.5,
    ended=2.5,
    path="/v1/chat/completions",
    model="m",
    status=200,
    attempts=(AttemptRecord("openai", "m", "0123456789ab", 200, 12.5, began_ms=3),),
    flags=("estimated",),
)


def test_a_record_is_read_as_it_was_kept() -> None:
    """What is packed comes back the same."""
    assert Record.unpack(ROW.pack()) == ROW


def test_rows_of_a_newer_version_are_read() -> None:
    """While one version replaces another, the older one reads the rows of the newer, less what is new."""
    packed = ROW.pack()
    newer = {**packed, "mood": "good", "attempts": [{**each, "colour": 3} for each in packed["attempts"]]}

    assert Record.unpack(newer) == ROW
