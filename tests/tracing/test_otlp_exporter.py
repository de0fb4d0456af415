from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.collector import Collector
from tests.fakes.provider import refusing
from tests.fakes.served import fill, served
from tests.tracing.watched import Watched, chat
from vaultcore.simulators.server import simulated
from vaultcore.telemetry import LOGGER, Log
from vaultcore.tracing.otlp_exporter import BATCH, KEPT, REST, Exporter

pytestmark = pytest.mark.anyio
CHAT = "/v1/chat/completions"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as found:
        yield found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def exporter(url: str, clock: FakeClock, *, gathers: bool = False, **headers: str) -> Exporter:
    return Exporter(url, headers, {"service.name": "here"}, clock, Log(), gathers=gathers)


def span(number: int) -> dict[str, Any]:
    return {
        "traceId": f"{number + 1:032x}",
        "spanId": f"{number + 1:016x}",
        "name": str(number),
        "kind": 2,
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        "attributes": [],
        "status": {},
    }


def troubles(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record)["facts"] for record in caplog.records if record.name == LOGGER]


async def test_spans_leave_in_order_and_in_batches(collector: Collector, clock: FakeClock) -> None:
    """Everything put arrives once, with the operator's headers and the resource."""
    sender = exporter(collector.url + "/", clock, authorization="Bearer collectors-key")
    sender.put(map(span, range(BATCH + 10)))
    await sender.flush(5.0)
    await sender.flush(5.0)
    await sender.aclose()

    assert [each.name for each in collector.spans] == [str(number) for number in range(BATCH + 10)]
    assert len(collector.posts) == 2
    assert collector.headers[0]["authorization"] == "Bearer collectors-key"
    assert collector.resource == {"service.name": "here"}


@pytest.mark.parametrize("how", ["refuses", "answers 503"])
async def test_a_collector_that_is_away_costs_a_line(
    how: str, collector: Collector, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """While nobody takes spans one line says so, nobody is asked during the rest, and nothing is lost that
    the queue has room for.
    """
    with refusing() as nowhere:
        collector.status = 503
        sender = exporter(nowhere if how == "refuses" else collector.url, clock)
        for number in range(10):
            sender.put([span(number)])
            await sender.flush(1.0)
        clock.time += REST
        await sender.flush(1.0)

        assert len(troubles(caplog)) == 1
        assert how == "refuses" or len(collector.posts) == 2
        collector.status = 200
        sender._url = f"{collector.url}/v1/traces"
        clock.time += REST
        await sender.aclose()

    assert [each.name for each in collector.spans] == [str(number) for number in range(10)]


async def test_the_queue_has_an_end(collector: Collector, clock: FakeClock) -> None:
    """However long a collector is away, the newest spans are kept and no more than the queue holds."""
    collector.status = 500
    sender = exporter(collector.url, clock)
    for number in range(KEPT + 100):
        sender.put([span(number)])
    await sender.flush(5.0)
    collector.status = 200
    clock.time += REST
    await sender.aclose()

    assert [each.name for each in collector.spans] == [str(number) for number in range(100, KEPT + 100)]


async def test_what_comes_during_a_post_that_fails_is_newer(clock: FakeClock) -> None:
    """Spans of a post that came to nothing go back to where they were, and make room like any others."""
    with Collector(hangs=True) as hanging:
        sender = exporter(hanging.url, clock)
        sender.put(map(span, range(KEPT)))
        posting = asyncio.create_task(sender.flush(0.5))
        await asyncio.sleep(0)  # it has taken what it sends
        sender.put(map(span, range(KEPT, KEPT + 100)))
        await posting

        assert [each["name"] for each in sender._queue] == [str(number) for number in range(100, KEPT + 100)]
        await sender.aclose()


async def test_what_is_refused_for_good_is_let_go(
    collector: Collector, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A collector that calls a post wrong is not sent it again."""
    collector.status = 400
    sender = exporter(collector.url, clock)
    sender.put([span(1)])
    await sender.flush(1.0)
    clock.time += REST
    await sender.flush(1.0)
    await sender.aclose()

    assert len(collector.posts) == 1
    assert [fact["reason"] for fact in troubles(caplog)] == ["it answered 400"]


def test_a_collector_that_hangs_holds_no_request_for_long(
    house: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """An invocation waits at most a second for its spans, once; later ones do not wait at all."""
    house.collector.hangs = True
    took: list[float] = []

    async def story(client: httpx.AsyncClient) -> None:
        for _ in range(4):
            began = time.monotonic()
            (await client.post(CHAT, json=chat())).raise_for_status()
            took.append(time.monotonic() - began)

    house.run(story)

    assert took[0] < 2.5
    assert all(each < 0.8 for each in took[1:])
    assert [fact["reason"] for fact in troubles(caplog)] == ["it did not answer in time"]


def test_an_invocations_spans_have_left_when_it_ends(house: Watched) -> None:
    """Under Lambda a process may be frozen as soon as a request is over: nothing waits for a later one."""
    seen: list[int] = []

    async def story(client: httpx.AsyncClient) -> None:
        for _ in range(3):
            (await client.post(CHAT, json=chat())).raise_for_status()
            seen.append(len(house.collector.spans))

    house.run(story)

    assert seen == [2, 4, 6]


def test_serve_sends_what_is_left_at_its_end(tmp_path: Path, collector: Collector) -> None:
    """`vaultedge serve` keeps spans off its requests' way, and sends the last of them when it is stopped."""
    with simulated({"openai": "openai", "anthropic": "anthropic"}) as simulators:
        told = {
            "PROVIDERS_FILE": str(fill(tmp_path, simulators)),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-collector=secret%20word",
            "OTEL_SERVICE_NAME": "my-gateway",
            "VAULTEDGE_METRICS": "emf",
        }
        with served(tmp_path, environ=told) as gateway:
            headers = {"authorization": f"Bearer {gateway.key}"}
            body = chat("openai/gpt-4o-mini")
            httpx.post(gateway.url + CHAT, json=body, headers=headers, trust_env=False).raise_for_status()
            gateway.stop(signal.SIGINT)

            assert {each.kind for each in collector.spans} == {2, 3}
            assert collector.resource["service.name"] == "my-gateway"
            assert collector.headers[0]["x-collector"] == "secret word"
            assert gateway.process.stdout is not None
            assert '"Requests":1' in gateway.process.stdout.read()
            assert "secret word" not in gateway.errors.read_text()


async def test_gathered_spans_leave_by_themselves(
    collector: Collector, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one machine spans are sent some at a time, without anybody's asking."""
    monkeypatch.setattr("vaultcore.tracing.otlp_exporter.PAUSE", 0.01)
    sender = exporter(collector.url, clock, gathers=True)
    sender.put([span(1), span(2)])
    assert await asyncio.to_thread(collector.taken.wait, 5)
    await sender.aclose()

    assert len(collector.posts) == 1
