"""tools/sdk_fields: new fields of the vendors' SDKs are noticed."""

from __future__ import annotations

from tools.sdk_fields.__main__ import FORMATS, findings
from tools.sdk_fields.allowed import ALLOWED


def test_a_field_without_name_or_review_is_reported() -> None:
    """A field that no code names is listed until a pattern allows it."""
    [line] = findings("bedrock", ["ConverseRequest.newField"], [])

    assert "no code names ConverseRequest.newField" in line
    assert list(findings("bedrock", ["ConverseRequest.newField"], ["Converse*.newField"])) == []


def test_a_pattern_without_use_is_reported() -> None:
    """A pattern that allows nothing is listed, so that the list has no old entries."""
    [line] = findings("bedrock", [], ["Converse*.oldField"])

    assert "Converse*.oldField" in line


def test_every_format_has_fields() -> None:
    """Each SDK yields its requests and responses, and each entry has a reason."""
    counts = {name: len(set(fields())) for name, (fields, _) in FORMATS.items()}

    assert counts.keys() == ALLOWED.keys()
    assert min(counts.values()) > 90
    assert all(reason for patterns in ALLOWED.values() for reason in patterns.values())
