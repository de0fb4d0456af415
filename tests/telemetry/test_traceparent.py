from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.telemetry import Trace, parse_traceparent

HEX = "0123456789abcdef"
ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@given(st.text(HEX, min_size=32, max_size=32), st.text(HEX, min_size=16, max_size=16), st.integers(0, 255))
def test_a_valid_trace_is_continued(id: str, parent: str, flags: int) -> None:
    """A valid traceparent keeps its trace id, its parent span and its sampling flag."""
    trace = parse_traceparent(f"00-{id}-{parent}-{flags:02x}")

    if int(id, 16) and int(parent, 16):
        assert (trace.id, trace.parent, trace.sampled) == (id, parent, bool(flags & 1))
    else:
        assert (trace.parent, trace.sampled) == ("", True)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        f"00-{ID}-{PARENT}",
        f"00-{ID}-{PARENT}-01-more",
        f"ff-{ID}-{PARENT}-01",
        f"00-{ID.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{ID}-{'0' * 16}-01",
        f"00-{ID}-{PARENT}-01\n",
        "Bearer sk-abcdefghijklmnop",
    ],
)
def test_an_invalid_header_starts_a_new_trace(header: str | None) -> None:
    """Nothing of an invalid header is used."""
    trace = parse_traceparent(header)

    assert trace.parent == ""
    assert trace.id != ID
    assert re.fullmatch(r"[0-9a-f]{32}", trace.id)


def test_a_newer_version_may_have_more_fields() -> None:
    """Newer versions are parsed as version 00, as the recommendation requires."""
    assert parse_traceparent(f"01-{ID}-{PARENT}-01-what-is-new").id == ID


@given(st.integers(0, (1 << 64) - 1), st.integers(1, 40))
def test_span_ids_of_a_request_are_distinct(span: int, attempts: int) -> None:
    """A request and its attempts have distinct span ids, and none is the invalid id of zeros."""
    trace = Trace(ID, span)
    names = [trace.span_id(number) for number in range(attempts + 1)]

    assert all(re.fullmatch(r"[0-9a-f]{16}", name) and int(name, 16) for name in names)
    assert len(set(names)) == len(names)
    assert trace.traceparent(1) == f"00-{ID}-{names[1]}-01"
