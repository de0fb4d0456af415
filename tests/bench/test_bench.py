"""The benchmark itself: that it runs, and counts what it says it counts."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.bench import report, stores, target, upstream
from tests.bench.driver import Answer, Job, drive, quantiles
from tests.bench.process import Cores, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark reads /proc")


def test_the_mock_answers_whole_and_streamed(tmp_path: Path) -> None:
    """The driver gets from the mock what it asked for, and counts requests, chunks and no failure."""
    provider = target.provider()
    with running(provider.command(), provider.environ, Cores.split().load, tmp_path) as process:
        whole = asyncio.run(drive(Job(process.url, "k", "bench", seconds=0, least=3)))
        short = asyncio.run(drive(Job(process.url, "k", "bench", seconds=0, least=3, stream=True)))

        assert (whole.requests, whole.failures, whole.chunks) == (3, 0, 0)
        assert (short.requests, short.failures, short.chunks) == (3, 0, 3 * (upstream.SHORT + 2))
        assert process.cpu() > 0
        assert process.memory() > 1


@pytest.mark.parametrize("data", [upstream.ANSWER, upstream.ANSWER_SHORT], ids=["whole", "streamed"])
def test_an_answer_is_complete_at_its_last_byte(data: bytes) -> None:
    """However an answer is cut, it is complete with its last byte and not before."""
    answer = Answer()
    for cut in range(len(data) - 1):
        answer.feed(data[cut : cut + 1])
        assert not answer.complete

    answer.feed(data[-1:])

    assert answer.complete


def test_added_latency_is_what_the_direct_request_does_not_take() -> None:
    """Added latency is subtracted and divided round by round, and only then is the median taken."""
    seen = {"bare": {"latency_p50": [2e-3, 3e-3]}, "ours": {"latency_p50": [3e-3, 4e-3]}}
    direct = {"latency_p50": [1e-3, 1e-3]}

    row = list(report.table(seen, direct))[1].split()

    assert row[-3:] == ["1,500", "2,500", "1.75"]


def test_what_a_request_costs_its_store() -> None:
    """Every store has a row for one level and for three; DynamoDB's tells what a request consumes of it."""
    titles, *rows = (line.split() for line in stores.lines(count=2))

    assert titles[0] == "store"
    assert [row[:3] for row in rows] == [
        [kind, levels, flying] for kind in stores.KINDS for levels in "13" for flying in ("0", "20")
    ]
    one, one_crowded, three, three_crowded = [row[5:] for row in rows if row[0] == "dynamodb"]
    assert (one, three) == (["2.0", "7.0", "0.0"], ["2.0", "16.0", "0.0"])  # 1 + 2 x 3, and 2 x 3 + 2 x 5
    assert float(one[1]) < float(one_crowded[1]) < float(three_crowded[1])


def test_load_stays_on_this_machine() -> None:
    """The driver refuses to send load anywhere but to the loopback."""
    with pytest.raises(ValueError, match="loopback"):
        Job("http://192.0.2.1:80/v1", "k", "bench").request()


def test_quantiles_of_nothing_are_none() -> None:
    """Quantiles are values that were seen; of none there are none."""
    assert quantiles([]) == ()
    assert quantiles([3.0, 1.0, 2.0]) == (2.0, 3.0, 3.0)
