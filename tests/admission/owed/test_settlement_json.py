"""Settlements in a journal: nothing is lost in the round trip, and other text is refused."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.admission.owed.owed_setup import settlement
from vaultcore.admission.owed.settlement_json import parse_settlement, render_settlement
from vaultcore.limits.account import Charge, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level
from vaultcore.limits.thresholds import Crossing, LimitUsage
from vaultcore.store.base import ABSENT, DocumentKey, Put, Settlement

COUNTS = st.integers(0, 10**18)
TIMES = st.floats(0, 4e9)
TEXTS = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(-1e15, 1e15) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
LIMITS = st.builds(Limits, **{each.name: st.none() | COUNTS for each in fields(Limits)})
LEVELS = st.builds(Level, TEXTS, LIMITS, st.lists(st.integers(1, 100), max_size=5).map(tuple))
BODIES = st.builds(lambda body, ended: {**body, "ended": ended}, st.dictionaries(TEXTS, JSON), TIMES)
SETTLEMENTS = st.builds(
    lambda name, levels, *rest: Settlement(name, tuple(levels), *rest),
    TEXTS,
    st.lists(LEVELS, max_size=3),
    st.builds(
        Lease,
        TIMES,
        TIMES,
        COUNTS,
        COUNTS,
        COUNTS,
        date=st.sampled_from(["", "2026-11-22"]),
        shards=st.lists(st.integers(0, 99), max_size=3).map(tuple),
    ),
    st.builds(Charge, COUNTS, COUNTS, COUNTS),
    st.builds(
        lambda key, body, expires: Put(key, body, expires=expires, version=ABSENT),
        st.builds(DocumentKey, TEXTS, TEXTS),
        BODIES,
        st.none() | TIMES,
    ),
)


@given(SETTLEMENTS)
def test_a_settlement_survives_the_round_trip(due: Settlement) -> None:
    """A parsed line is the settlement that was rendered, and a line never contains a line break."""
    line = render_settlement(due)
    parsed = parse_settlement(line)

    assert replace(parsed, alert=None) == due
    assert line.isascii()
    assert line.splitlines() == [line]


def test_every_field_is_written() -> None:
    """Every field of a settlement and its parts is written, so that a new field cannot be forgotten."""
    packed = json.loads(render_settlement(settlement("req_1")))

    assert {each.name for each in fields(Lease)} == packed["lease"].keys()
    assert len(fields(Charge)) == len(packed["charge"])
    assert len(fields(Level)) == len(packed["levels"][0])
    assert {each.name for each in fields(Settlement)} - {"alert"} == packed.keys() - {"version"}
    assert {each.name for each in fields(Put)} - {"key", "version"} | {"collection", "id"} == packed[
        "record"
    ].keys()


def test_a_parsed_settlement_writes_the_same_alert() -> None:
    """The alert of a crossed threshold is the same document as without the journal: it is sent once."""
    due, crossing = settlement("req_1"), Crossing("key:key_one", LimitUsage("tokens", 80, 100, ""), 80)
    parsed = parse_settlement(render_settlement(due))

    assert due.alert is not None
    assert parsed.alert is not None
    assert parsed.alert(crossing) == due.alert(crossing)


def _damaged() -> list[str]:
    line = render_settlement(settlement("req_1"))
    packed: dict[str, Any] = json.loads(line)
    changes: list[dict[str, Any]] = [
        {"version": 2},
        {"id": 7},
        {"levels": [["key:one"]]},
        {"levels": None},
        {"lease": [1, 2, 3]},
        {"lease": {**packed["lease"], "nanos": "5"}},
        {"lease": {**packed["lease"], "shards": ["1"]}},
        {"lease": {"at": 1.0}},
        {"charge": [1, 2, True]},
        {"charge": [1, 2]},
        {"record": {}},
        {"record": {"collection": "c", "id": "i", "body": [], "expires": None}},
    ]
    return ["", "null", "[]", "{}", line[:-1], line[: len(line) // 2], "[" * 100_000] + [
        json.dumps({**packed, **change}) for change in changes
    ]


@pytest.mark.parametrize("text", _damaged())
def test_other_text_is_refused(text: str) -> None:
    """A line that was cut off or changed, or is of a newer version, raises ValueError and nothing else."""
    with pytest.raises(ValueError, match="not a settlement"):
        parse_settlement(text)
