"""Stored records."""

from __future__ import annotations

from dataclasses import fields, replace

from vaultcore.usage.record import AttemptRecord, Record

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


def test_a_packed_record_is_unpacked_unchanged() -> None:
    """A packed record is unpacked unchanged."""
    assert Record.unpack(ROW.pack()) == ROW


def test_rows_of_a_newer_version_are_read() -> None:
    """An older version reads a newer version's rows without the new fields."""
    packed = ROW.pack()
    newer = {**packed, "mood": "good", "attempts": [{**each, "colour": 3} for each in packed["attempts"]]}

    assert Record.unpack(newer) == ROW


def test_reported_usage_is_in_flagged_rows_only() -> None:
    """The provider's counts are stored with the flag `implausible`; other rows do not have the field."""
    flagged = replace(ROW, flags=("implausible",), reported_usage={"prompt_tokens": 10**12, "x": "-5"})

    assert "reported_usage" not in ROW.pack()
    assert Record.unpack(flagged.pack()) == flagged


def test_every_field_is_packed() -> None:
    """A packed record has every field in the order of the class, and so has each of its attempts."""
    attempt = AttemptRecord("openai", "gpt-4o", "key", 200, 1.0, None, 3)
    record = Record("id", "key", 1.0, 2.0, "/v1/chat/completions", "m", 200, attempts=[attempt])
    record = replace(record, plan={"policy": 1}, sums="sealed", reported_usage={"prompt_tokens": 1})

    packed = record.pack()
    assert set(packed) == {each.name for each in fields(Record)}
    assert list(packed["attempts"][0]) == [each.name for each in fields(AttemptRecord)]
    assert Record.unpack(packed).pack() == packed
