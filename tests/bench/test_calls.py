"""The number of Python calls per request, and per chunk of a stream, does not rise."""

from __future__ import annotations

import sys

import pytest

from tests.bench.calls import measure, measure_chunk

# Python 3.11. Lower these numbers when the path of a request gets shorter; see `python -m tests.bench.calls`.
SYSTEM_KEY_CALLS = 450
ALL_LIMITS_CALLS = 550
CHUNK_CALLS = 66
TRANSLATED_CHUNK_CALLS = 72

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


@pytest.mark.parametrize(
    ("case", "ceiling"),
    [("stream", CHUNK_CALLS), ("anthropic_stream", TRANSLATED_CHUNK_CALLS)],
    ids=["chat_completions", "from_anthropic"],
)
def test_python_calls_per_chunk(case: str, ceiling: int) -> None:
    """A further chunk of a stream, read alone, takes no more calls of Python functions than the ceiling."""
    calls = measure_chunk(case)

    assert calls.total <= ceiling, sorted(calls.python.items(), key=lambda item: -item[1].calls)[:60]
