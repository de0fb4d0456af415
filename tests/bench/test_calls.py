"""The number of Python calls per request does not rise."""

from __future__ import annotations

import sys

import pytest

from tests.bench.calls import measure

# Python 3.11. Lower these numbers when the path of a request gets shorter; see `python -m tests.bench.calls`.
SYSTEM_KEY_CALLS = 740
ALL_LIMITS_CALLS = 960

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the counter reads /proc")


@pytest.mark.parametrize(
    ("limits", "ceiling"),
    [(False, SYSTEM_KEY_CALLS), (True, ALL_LIMITS_CALLS)],
    ids=["system_key", "all_limits"],
)
def test_python_calls_per_request(limits: bool, ceiling: int) -> None:
    """A buffered request takes no more calls of Python functions than the ceiling."""
    calls = measure(limits=limits, timed=0)

    assert calls.total <= ceiling, sorted(calls.python.items(), key=lambda item: -item[1].calls)[:40]
