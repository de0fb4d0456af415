from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import httpx
import pytest

from tests.fakes.emf import total
from tests.fakes.gateway_app import bearer, issue_key, run_with_client
from tests.fakes.provider import FakeResponse
from tests.tracing.observed_gateway import ObservedGateway, chat
from vaultcore.errors import StoreUnavailable
from vaultcore.money import PER_DOLLAR
from vaultcore.tracing.request_metrics import ERROR_CLASSES

CHAT = "/v1/chat/completions"


def test_a_request_is_one_line(gateway: ObservedGateway) -> None:
    """A request with one provider is one line, with values by provider and in total."""

    async def scenario(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat())).raise_for_status()

    metrics = gateway.run(scenario)

    assert len(gateway.stdout.getvalue().splitlines()) == 1
    for by in ({}, {"Provider": "one"}):
        assert total(metrics, "Requests", **by) == 1
        assert total(metrics, "Attempts", **by) == 1
        assert total(metrics, "Tokens", **by) == 12
        assert total(metrics, "CostUsd", **by) == pytest.approx((7 * 1 + 5 * 10) / 1e6)
        assert total(metrics, "Errors", **by) == 0
    assert 0 < total(metrics, "Overhead") < 5_000
    assert total(metrics, "TimeToFirstToken") == 0


def test_time_to_first_token_and_overhead_of_a_stream(gateway: ObservedGateway) -> None:
    """Overhead excludes the provider's time, including pauses in its stream."""
    gateway.provider.script("gpt-fake", FakeResponse(delay=0.2, pause=0.05))

    async def scenario(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat(stream=True))).raise_for_status()

    metrics = gateway.run(scenario)

    assert 200 <= total(metrics, "TimeToFirstToken", Provider="one") < 5_000
    assert total(metrics, "Overhead") < 150


def test_a_fallback_counts_for_the_provider_that_responded(gateway: ObservedGateway) -> None:
    """Failed attempts count for their provider; the request and its tokens for the one that responded."""
    gateway.provider.script("gpt-fake", FakeResponse(status=500))

    async def scenario(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat())).raise_for_status()

    metrics = gateway.run(scenario)

    assert total(metrics, "Fallbacks", Provider="two") == total(metrics, "Fallbacks") == 1
    assert total(metrics, "Attempts", Provider="one") == 1
    assert total(metrics, "Attempts", Provider="two") == 1
    assert total(metrics, "Attempts") == 2
    assert total(metrics, "Requests", Provider="one") == 0
    assert total(metrics, "Tokens", Provider="two") == 12
    assert total(metrics, "Errors") == 0


def test_failures_have_a_class(gateway: ObservedGateway) -> None:
    """Every error counts once, under one of a few classes."""
    gateway.provider.script("gpt-fake", FakeResponse(status=500))
    gateway.provider.script("claude-fake", FakeResponse(status=503))

    async def scenario(client: httpx.AsyncClient) -> None:
        requests = [
            client.post(CHAT, json=chat()),
            client.post(CHAT, json=chat("no-such-model")),
            client.post(CHAT, content=b"{", headers={"content-type": "application/json"}),
            client.post(CHAT, json=chat(), headers=bearer("ve-wrong")),
            client.get("/v1/nowhere"),
            client.delete(CHAT),
        ]
        for request in requests:
            assert (await request).status_code >= 400

    metrics = gateway.run(scenario, max_retries=1, backoff=0.0)

    assert total(metrics, "Requests") == total(metrics, "Errors") == 6
    assert total(metrics, "AllProvidersFailed") == 1
    assert total(metrics, "Errors", Class="upstream") == 1
    assert total(metrics, "Errors", Class="not_found") == 2
    assert total(metrics, "Errors", Class="invalid_request") == 1
    assert total(metrics, "Errors", Class="unauthorized") == 1
    assert total(metrics, "Errors", Class="method_not_allowed") == 1
    assert total(metrics, "Tokens") == total(metrics, "CostUsd") == 0


def test_a_broken_stream_is_an_error(gateway: ObservedGateway) -> None:
    """A stream that breaks counts as an error although its status is 200."""
    gateway.provider.script("gpt-fake", FakeResponse(cut="middle"), FakeResponse(pause=0.05, text="a " * 200))

    async def scenario(client: httpx.AsyncClient) -> None:
        assert (await client.post(CHAT, json=chat(stream=True))).status_code == 200

    metrics = gateway.run(scenario)

    assert total(metrics, "Errors", Class="stream_broken") == total(metrics, "Errors") == 1
    assert total(metrics, "Tokens", Provider="one") > 0


def test_throttles_count_only_limits_of_the_gateway(gateway: ObservedGateway) -> None:
    """Throttles counts requests that limits of the gateway refuse, not 429s of providers."""
    gateway.provider.script("gpt-fake", FakeResponse(status=429))
    gateway.provider.script("claude-fake", FakeResponse(status=429))
    services = gateway.build_services(max_retries=1, backoff=0.0)

    async def scenario(client: httpx.AsyncClient) -> None:
        token = await issue_key(services, rpm=1)
        statuses = [
            (await client.post(CHAT, json=chat(), headers=bearer(token))).status_code for _ in range(2)
        ]
        assert statuses == [429, 429]

    metrics = gateway.run_services(services, scenario)

    assert total(metrics, "Throttles") == 1
    assert total(metrics, "Errors", Class="throttled") == 2
    assert total(metrics, "AllProvidersFailed") == 1


def test_credits_low_counts_each_threshold_once(gateway: ObservedGateway) -> None:
    """CreditsLow counts crossed thresholds, and one exhausted account once."""
    services = gateway.build_services()
    cost = 57_000  # nano-dollars of one response

    async def scenario(client: httpx.AsyncClient) -> None:
        token = await issue_key(services, credits=PER_DOLLAR // 1_000)
        for _ in range(18):
            await client.post(CHAT, json=chat(max_tokens=6), headers=bearer(token))

    metrics = gateway.run_services(services, scenario)

    assert 14 * cost < 0.8 * PER_DOLLAR // 1_000 < 15 * cost
    assert total(metrics, "CreditsLow") == 2  # at 80 %, and when the last request is refused
    assert len(gateway.stdout.getvalue().splitlines()) == 18


@pytest.mark.parametrize(("prompt", "count"), [(4_000_000, 0), (4_000_001, 1), (-1, 1)])
def test_implausible_usage_is_counted(prompt: int, count: int, gateway: ObservedGateway) -> None:
    """ImplausibleUsage counts calls whose reported usage was not charged, and nothing else."""
    gateway.provider.script("gpt-fake", FakeResponse(usage=(prompt, 0)))

    async def scenario(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat())).raise_for_status()

    metrics = gateway.run(scenario)

    assert total(metrics, "ImplausibleUsage") == count
    assert total(metrics, "Errors") == 0


def test_breaker_open_counts_each_opening(gateway: ObservedGateway) -> None:
    """BreakerOpen counts each opening at a provider, not each failure while it is open."""
    gateway.provider.script("gpt-fake", FakeResponse(status=500))

    async def scenario(client: httpx.AsyncClient) -> None:
        for _ in range(5):
            (await client.post(CHAT, json=chat())).raise_for_status()

    metrics = gateway.run(scenario, breaker_threshold=3)

    assert total(metrics, "BreakerOpen") == total(metrics, "BreakerOpen", Provider="one") == 1
    assert total(metrics, "Attempts", Provider="one") == 3


def test_store_errors_are_counted(gateway: ObservedGateway) -> None:
    """Each failure of the store, and the charge that it did not accept, is counted with its reason.

    The client notices neither.
    """
    services = gateway.build_services()
    wrapped = services.store._store  # type: ignore[attr-defined]

    async def unavailable(*_: object) -> None:
        raise StoreUnavailable("unavailable", reason="throttled")

    async def scenario(client: httpx.AsyncClient) -> None:
        wrapped.settle = unavailable
        (await client.post(CHAT, json=chat())).raise_for_status()

    metrics = gateway.run_services(services, scenario)

    assert total(metrics, "StoreErrors") == 1
    assert total(metrics, "SettlementsOwed") == total(metrics, "SettlementsOwed", Reason="throttled") == 1
    assert total(metrics, "Errors") == 0


@pytest.mark.parametrize("path", ["/health", "/console/", "/", "/admin/none"])
def test_unobserved_paths_are_not_counted(gateway: ObservedGateway, path: str) -> None:
    """Health checks and the console have no metrics."""

    async def scenario(client: httpx.AsyncClient) -> None:
        await client.get(path)

    assert gateway.run(scenario) == []
    assert gateway.collector.spans == []


def test_dimensions_are_bounded(gateway: ObservedGateway) -> None:
    """For any client requests, dimension values are providers and error classes only."""

    async def scenario(client: httpx.AsyncClient) -> None:
        for number in range(8):
            await client.post(CHAT, json=chat(f"model-{number}"), headers={"x-request-id": f"id-{number}"})
            await client.request("GET", f"/v1/path-{number}")
            await client.post(CHAT, json=chat("one/" + "x" * number))

    metrics = gateway.run(scenario)

    values = {value for metric in metrics for _, value in metric.dimensions}
    assert values <= {"one", "two", "stream_broken", *ERROR_CLASSES.values()}
    assert {name for metric in metrics for name, _ in metric.dimensions} <= {"Provider", "Class"}


def test_concurrent_requests_do_not_mix(gateway: ObservedGateway) -> None:
    """Forty concurrent requests to two providers add up to the requests of each."""

    async def scenario(client: httpx.AsyncClient) -> None:
        models = ["fast", "turned"] * 20
        responses = await asyncio.gather(*(client.post(CHAT, json=chat(model)) for model in models))
        assert all(response.status_code == 200 for response in responses)

    metrics = gateway.run(scenario)

    for provider in ("one", "two"):
        assert total(metrics, "Requests", Provider=provider) == 20
        assert total(metrics, "Attempts", Provider=provider) == 20
        assert total(metrics, "Tokens", Provider=provider) == 240


def test_a_disconnected_client_is_not_an_error(gateway: ObservedGateway) -> None:
    """Usage until the client disconnects is counted, without an error."""
    gateway.provider.script("gpt-fake", FakeResponse(pause=0.02, text="word " * 400))
    services = gateway.build_services()

    async def scenario(_: httpx.AsyncClient) -> None:
        await _disconnect(services)

    metrics = gateway.run_services(services, scenario)

    assert total(metrics, "Requests") == 1
    assert total(metrics, "Errors") == 0
    assert total(metrics, "Tokens", Provider="one") > 0


async def _disconnect(services: object) -> None:
    """Request a stream and disconnect after a few chunks."""
    from tests.fakes.gateway_app import SYSTEM
    from vaultcore.app import create_app
    from vaultcore.services import Services

    assert isinstance(services, Services)
    body = json.dumps(chat(stream=True)).encode()
    messages: list[object] = []
    disconnected = asyncio.Event()

    async def receive() -> dict[str, object]:
        if not messages:
            return {"type": "http.request", "body": body, "more_body": False}
        await disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        messages.append(message)
        if len(messages) > 5:
            disconnected.set()

    headers = [(b"authorization", f"Bearer {SYSTEM}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": CHAT, "query_string": b"", "headers": headers}
    with suppress(asyncio.CancelledError):
        await create_app(services)(scope, receive, send)  # type: ignore[arg-type]


def test_nothing_is_written_when_switched_off(gateway: ObservedGateway) -> None:
    """Without metrics and without a collector, nothing is written, and providers receive no traceparent."""

    async def scenario(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat(), headers={"traceparent": "00-" + "a" * 49})).raise_for_status()

    run_with_client(gateway.build_services(metrics="off", otlp_endpoint=None), scenario)

    assert gateway.stdout.getvalue() == ""
    (request,) = gateway.provider.requests
    assert "traceparent" not in request.headers
