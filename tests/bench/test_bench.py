"""The benchmark runs and counts correctly."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.bench import report, stores, target, upstream
from tests.bench.driver import Job, ResponseParser, drive, quantiles
from tests.bench.process import Cores, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark reads /proc")


def test_the_driver_counts_buffered_and_streamed_responses(tmp_path: Path) -> None:
    """The driver counts requests, chunks and no failures against the mock provider."""
    provider = target.provider()
    with running(provider.command(), provider.environ, Cores.split().load, tmp_path) as process:
        whole = asyncio.run(drive(Job(process.url, "k", "bench", seconds=0, least=3)))
        short = asyncio.run(drive(Job(process.url, "k", "bench", seconds=0, least=3, stream=True)))

        assert (whole.requests, whole.failures, whole.chunks) == (3, 0, 0)
        assert (short.requests, short.failures, short.chunks) == (3, 0, 3 * (upstream.SHORT + 2))
        assert process.cpu() > 0
        assert process.memory() > 1


@pytest.mark.parametrize("data", [upstream.BUFFERED, upstream.SHORT_STREAM], ids=["whole", "streamed"])
def test_a_response_is_complete_at_its_last_byte(data: bytes) -> None:
    """A response is complete with its last byte and not before."""
    response = ResponseParser()
    for cut in range(len(data) - 1):
        response.feed(data[cut : cut + 1])
        assert not response.complete

    response.feed(data[-1:])

    assert response.complete


def test_added_latency_excludes_the_direct_request() -> None:
    """Added latency is computed per round; the median is taken afterwards."""
    targets = {"bare": {"latency_p50": [2e-3, 3e-3]}, "ours": {"latency_p50": [3e-3, 4e-3]}}
    direct = {"latency_p50": [1e-3, 1e-3]}

    row = list(report.table(targets, direct))[1].split()

    assert row[-3:] == ["1,500", "2,500", "1.75"]


def test_the_cost_of_a_request_in_each_store() -> None:
    """Every store has rows for one level and for three; DynamoDB rows have consumed capacity."""
    titles, *rows = (line.split() for line in stores.lines(count=2))

    assert titles[0] == "store"
    assert [row[:3] for row in rows] == [
        [kind, levels, in_flight] for kind in stores.KINDS for levels in "13" for in_flight in ("0", "20")
    ]
    one, one_crowded, three, three_crowded = [row[5:] for row in rows if row[0] == "dynamodb"]
    assert one == one_crowded == ["3.0", "3.0", "0.0"]  # reserve, record, settle, whatever is in flight
    assert three == three_crowded == ["7.0", "7.0", "0.0"]


def test_write_units_are_bounded() -> None:
    """One to five levels cost at most 5, 8, 10, 13 and 16 write units, whatever is in flight."""
    rows = stores.lines(("dynamodb",), count=2, levels=(1, 2, 3, 4, 5), in_flight=(8,))
    written = [float(row.split()[-2]) for row in list(rows)[1:]]

    assert all(units <= most for units, most in zip(written, (5, 8, 10, 13, 16), strict=True)), written


def test_load_stays_on_this_machine() -> None:
    """The driver sends load to loopback addresses only."""
    with pytest.raises(ValueError, match="loopback"):
        Job("http://192.0.2.1:80/v1", "k", "bench").request()


def test_quantiles() -> None:
    """Quantiles are measured values; without values there are none."""
    assert quantiles([]) == ()
    assert quantiles([3.0, 1.0, 2.0]) == (2.0, 3.0, 3.0)
