"""The benchmark runs and counts correctly."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.bench import peers, report, stores, target, upstream
from tests.bench.driver import Job, ResponseParser, drive, quantiles
from tests.bench.process import Cores, running
from tests.bench.upstream import RESPONSES
from tests.bench.upstream_responses import SHORT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the benchmark reads /proc")


def test_the_driver_counts_buffered_and_streamed_responses(tmp_path: Path) -> None:
    """The driver counts requests, chunks and no failures against the mock provider."""
    provider = target.provider()
    with running(provider.command(), provider.environ, Cores.split().load, tmp_path) as process:
        whole = asyncio.run(drive(Job(process.url, "k", "bench", seconds=0, least=3)))
        short = asyncio.run(drive(Job(process.url, "k", "bench", seconds=0, least=3, stream=True)))

        assert (whole.requests, whole.failures, whole.chunks) == (3, 0, 0)
        assert (short.requests, short.failures, short.chunks) == (3, 0, 3 * (SHORT + 3))
        assert process.cpu() > 0
        assert process.memory() > 1


@pytest.mark.parametrize("name", ["openai-buffered", "openai-stream"])
def test_a_response_is_complete_at_its_last_byte(name: str) -> None:
    """A response is complete with its last byte and not before."""
    response, data = ResponseParser(), RESPONSES[name][0].data
    for cut in range(len(data) - 1):
        response.feed(data[cut : cut + 1])
        assert not response.complete

    response.feed(data[-1:])

    assert response.complete


def test_added_latency_excludes_the_direct_request() -> None:
    """Added latency is computed per round; the median is taken afterwards."""
    targets = {"bare": {"latency_1": [2e-3, 3e-3]}, "ours": {"latency_1": [3e-3, 4e-3]}, "other": {}}
    direct = {"latency_1": [1e-3, 1e-3]}

    row = list(report.table(targets, direct))[1].split()

    assert row[-3:] == ["1.50", "2.50", report.EMPTY]


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


@pytest.mark.skipif(upstream.compiled() is None, reason="no C compiler")
@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/chat/completions", {"model": "bench"}),
        ("/v1/chat/completions", {"model": "bench", "stream": True}),
        ("/v1/chat/completions", {"model": "bench-long", "stream": True}),
        ("/v1/messages", {"model": "claude-bench"}),
        ("/long/v1/messages", {"model": "claude", "stream": True}),
        ("/e500/v1/chat/completions", {"model": "bench", "stream": True}),
    ],
)
def test_both_mock_providers_choose_alike(tmp_path: Path, path: str, fields: dict[str, object]) -> None:
    """The compiled mock provider sends the bytes that the one in Python would send."""
    body = json.dumps(fields).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: mock\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    expected = b"".join(piece.data for piece in upstream.choose(path.encode(), body))
    provider = target.provider()

    with running(provider.command(), provider.environ, Cores.split().load, tmp_path) as process:
        client = socket.create_connection(("127.0.0.1", urlsplit(process.url).port or 0), 5)
        with client, client.makefile("rb") as response:
            client.sendall(head[:20])
            client.sendall(head[20:] + body)

            assert response.read(len(expected)) == expected


def test_every_target_is_configured_twice(tmp_path: Path) -> None:
    """Each installed peer can run twice at the same time: two configurations differ in their port."""
    for each in peers.installed("http://127.0.0.1:9/v1", tmp_path):
        assert each.anew is not None
        assert each.anew().port != each.port
