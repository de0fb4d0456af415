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
from tests.fakes.provider import closed_port
from tests.fakes.served import prepare_home, run_serve
from tests.tracing.observed_gateway import ObservedGateway, chat
from vaultcore.simulators.server import simulated
from vaultcore.telemetry import LOGGER, Log
from vaultcore.tracing.otlp_exporter import BATCH, COOLDOWN, MAX_QUEUED, OtlpExporter

pytestmark = pytest.mark.anyio
CHAT = "/v1/chat/completions"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def exporter(url: str, clock: FakeClock, *, in_background: bool = False, **headers: str) -> OtlpExporter:
    return OtlpExporter(
        url, headers, {"service.name": "here"}, clock, Log(), sends_in_background=in_background
    )


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


def logged_errors(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record)["fields"] for record in caplog.records if record.name == LOGGER]


async def test_spans_are_sent_in_order_and_in_batches(collector: Collector, clock: FakeClock) -> None:
    """Every span arrives once, with the operator's headers and the resource."""
    sender = exporter(collector.url + "/", clock, authorization="Bearer collectors-key")
    sender.put(map(span, range(BATCH + 10)))
    await sender.flush(5.0)
    await sender.flush(5.0)
    await sender.aclose()

    assert [each.name for each in collector.spans] == [str(number) for number in range(BATCH + 10)]
    assert len(collector.posts) == 2
    assert collector.headers[0]["authorization"] == "Bearer collectors-key"
    assert collector.resource == {"service.name": "here"}


@pytest.mark.parametrize("how", ["refuses connections", "answers 503"])
async def test_a_failing_collector_is_logged_once(
    how: str, collector: Collector, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """While the collector fails, one line is logged, nothing is sent during the cooldown, and the spans that
    fit the queue are not lost.
    """
    with closed_port() as unused_url:
        collector.status = 503
        sender = exporter(unused_url if how == "refuses connections" else collector.url, clock)
        for number in range(10):
            sender.put([span(number)])
            await sender.flush(1.0)
        clock.time += COOLDOWN
        await sender.flush(1.0)

        assert len(logged_errors(caplog)) == 1
        assert how == "refuses connections" or len(collector.posts) == 2
        collector.status = 200
        sender._url = f"{collector.url}/v1/traces"
        clock.time += COOLDOWN
        await sender.aclose()

    assert [each.name for each in collector.spans] == [str(number) for number in range(10)]


async def test_a_full_queue_keeps_the_newest_spans(collector: Collector, clock: FakeClock) -> None:
    """However long a collector fails, the queue keeps the newest spans up to its size."""
    collector.status = 500
    sender = exporter(collector.url, clock)
    for number in range(MAX_QUEUED + 100):
        sender.put([span(number)])
    await sender.flush(5.0)
    collector.status = 200
    clock.time += COOLDOWN
    await sender.aclose()

    assert [each.name for each in collector.spans] == [str(number) for number in range(100, MAX_QUEUED + 100)]


async def test_spans_of_a_failed_post_return_to_the_front(clock: FakeClock) -> None:
    """Spans of a failed POST return to the front of the queue, and are dropped first if it is full."""
    with Collector(hangs=True) as hanging:
        sender = exporter(hanging.url, clock)
        sender.put(map(span, range(MAX_QUEUED)))
        post = asyncio.create_task(sender.flush(0.5))
        await asyncio.sleep(0)  # the task has taken its batch
        sender.put(map(span, range(MAX_QUEUED, MAX_QUEUED + 100)))
        await post

        assert [each["name"] for each in sender._queue] == [
            str(number) for number in range(100, MAX_QUEUED + 100)
        ]
        await sender.aclose()


async def test_a_rejected_batch_is_not_sent_again(
    collector: Collector, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A batch that the collector rejects with 400 is dropped."""
    collector.status = 400
    sender = exporter(collector.url, clock)
    sender.put([span(1)])
    await sender.flush(1.0)
    clock.time += COOLDOWN
    await sender.flush(1.0)
    await sender.aclose()

    assert len(collector.posts) == 1
    assert [fact["reason"] for fact in logged_errors(caplog)] == ["HTTP 400"]


def test_a_hanging_collector_delays_one_invocation_only(
    gateway: ObservedGateway, caplog: pytest.LogCaptureFixture
) -> None:
    """One invocation waits at most a second for its spans; later ones do not wait."""
    gateway.collector.hangs = True
    durations: list[float] = []

    async def scenario(client: httpx.AsyncClient) -> None:
        for _ in range(4):
            start = time.monotonic()
            (await client.post(CHAT, json=chat())).raise_for_status()
            durations.append(time.monotonic() - start)

    gateway.run(scenario)

    assert durations[0] < 2.5
    assert all(each < 0.8 for each in durations[1:])
    assert [fact["reason"] for fact in logged_errors(caplog)] == ["timeout"]


def test_spans_are_sent_before_an_invocation_ends(gateway: ObservedGateway) -> None:
    """On Lambda, the spans of a request are sent before it ends, because the process may then be frozen."""
    counts: list[int] = []

    async def scenario(client: httpx.AsyncClient) -> None:
        for _ in range(3):
            (await client.post(CHAT, json=chat())).raise_for_status()
            counts.append(len(gateway.collector.spans))

    gateway.run(scenario)

    assert counts == [2, 4, 6]


def test_serve_sends_the_queue_when_it_stops(tmp_path: Path, collector: Collector) -> None:
    """`vaultedge serve` sends spans outside of requests, and sends the queue when it stops."""
    with simulated({"openai": "openai", "anthropic": "anthropic"}) as simulators:
        environ = {
            "PROVIDERS_FILE": str(prepare_home(tmp_path, simulators)),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-collector=secret%20word",
            "OTEL_SERVICE_NAME": "my-gateway",
            "VAULTEDGE_METRICS": "emf",
        }
        with run_serve(tmp_path, environ=environ) as gateway:
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


async def test_spans_are_sent_in_the_background(
    collector: Collector, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of Lambda, a task sends batches of spans."""
    monkeypatch.setattr("vaultcore.tracing.otlp_exporter.BATCH_INTERVAL", 0.01)
    sender = exporter(collector.url, clock, in_background=True)
    sender.put([span(1), span(2)])
    assert await asyncio.to_thread(collector.received.wait, 5)
    await sender.aclose()

    assert len(collector.posts) == 1
