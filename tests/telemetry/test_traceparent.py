from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultcore.telemetry import Trace, told_trace

HEX = "0123456789abcdef"
ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@given(st.text(HEX, min_size=32, max_size=32), st.text(HEX, min_size=16, max_size=16), st.integers(0, 255))
def test_a_clients_trace_goes_on(id: str, parent: str, flags: int) -> None:
    """A valid traceparent is continued: the same trace, the client's span above ours, its wish to record."""
    trace = told_trace(f"00-{id}-{parent}-{flags:02x}")

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
def test_what_is_no_trace_begins_a_new_one(header: str | None) -> None:
    """Nothing of a header that is not valid is taken over."""
    trace = told_trace(header)

    assert trace.parent == ""
    assert trace.id != ID
    assert re.fullmatch(r"[0-9a-f]{32}", trace.id)


def test_a_later_version_may_say_more() -> None:
    """Versions to come are read as far as this one is known, as the recommendation asks."""
    assert told_trace(f"01-{ID}-{PARENT}-01-what-is-new").id == ID


@given(st.integers(0, (1 << 64) - 1), st.integers(1, 40))
def test_spans_of_one_request_have_names_of_their_own(span: int, attempts: int) -> None:
    """A request and its attempts never share an id, and none is the invalid one of zeros."""
    trace = Trace(ID, span)
    names = [trace.name(number) for number in range(attempts + 1)]

    assert all(re.fullmatch(r"[0-9a-f]{16}", name) and int(name, 16) for name in names)
    assert len(set(names)) == len(names)
    assert trace.traceparent(1) == f"00-{ID}-{names[1]}-01"
