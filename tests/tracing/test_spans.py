from __future__ import annotations

import asyncio
import json
import logging
import re

import httpx
import pytest

from tests.fakes.collector import Span
from tests.fakes.gateway_app import bearer
from tests.fakes.provider import FakeResponse
from tests.tracing.observed_gateway import ObservedGateway, chat

CHAT = "/v1/chat/completions"
ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER, CLIENT = 2, 3


def by_kind(spans: list[Span], kind: int) -> list[Span]:
    return [span for span in spans if span.kind == kind]


def test_a_request_and_its_attempts_are_spans_of_the_clients_trace(gateway: ObservedGateway) -> None:
    """One server span below the client's span, and one client span per attempt below it, with attributes of
    the GenAI conventions. Each provider receives the id of its attempt's span.
    """
    gateway.provider.script("gpt-fake", FakeResponse(status=500, headers={"x-request-id": "request-of-one"}))

    async def scenario(client: httpx.AsyncClient) -> None:
        parent = {"traceparent": f"00-{ID}-{PARENT}-01"}
        (await client.post(CHAT, json=chat(), headers=parent)).raise_for_status()

    gateway.run(scenario)

    (served,) = by_kind(gateway.collector.spans, SERVER)
    first, second = by_kind(gateway.collector.spans, CLIENT)
    assert {span.trace for span in gateway.collector.spans} == {ID}
    assert (served.name, served.parent, served.failed) == (f"POST {CHAT}", PARENT, False)
    assert (
        served.attributes.items()
        >= {
            "http.request.method": "POST",
            "http.response.status_code": 200,
            "http.route": CHAT,
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "fast",
            "gen_ai.usage.input_tokens": 7,
            "gen_ai.usage.output_tokens": 5,
            "vaultedge.attempts": 2,
        }.items()
    )
    assert (first.name, first.parent, first.failed) == ("chat gpt-fake", served.id, True)
    assert (second.name, second.parent, second.failed) == ("chat claude-fake", served.id, False)
    assert (
        first.attributes.items()
        >= {
            "gen_ai.provider.name": "one",
            "gen_ai.request.model": "gpt-fake",
            "error.type": "500",
            "vaultedge.upstream_request_id": "request-of-one",
            "server.address": "127.0.0.1",
        }.items()
    )
    assert (
        second.attributes.items()
        >= {
            "gen_ai.provider.name": "two",
            "gen_ai.response.model": "claude-fake",
            "gen_ai.usage.output_tokens": 5,
        }.items()
    )
    assert "gen_ai.usage.output_tokens" not in first.attributes
    assert served.started <= first.started <= first.ended <= second.started <= second.ended <= served.ended
    traceparents = [request.headers["traceparent"] for request in gateway.provider.requests]
    assert traceparents == [f"00-{ID}-{span.id}-01" for span in (first, second)]


def test_the_span_of_a_stream_ends_with_the_stream(gateway: ObservedGateway) -> None:
    """The span of a streamed attempt ends with its last chunk and has the response model."""
    gateway.provider.script("gpt-fake", FakeResponse(pause=0.03))

    async def scenario(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat(stream=True))).raise_for_status()

    gateway.run(scenario)

    (attempt,) = by_kind(gateway.collector.spans, CLIENT)
    assert attempt.ended - attempt.started >= 150_000_000
    assert attempt.attributes["gen_ai.response.model"] == "gpt-fake"


def test_failures_have_a_type(gateway: ObservedGateway) -> None:
    """A rejected request has its error class; the span is an error only from status 500."""
    gateway.provider.script("gpt-fake", FakeResponse(cut="before"))
    gateway.provider.script("claude-fake", FakeResponse(cut="before"))

    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post(CHAT, json=chat(), headers=bearer("ve-wrong"))
        await client.post(CHAT, json=chat("a prompt instead of a model"))
        await client.post(CHAT, json=chat())

    gateway.run(scenario, max_retries=1, backoff=0.0)

    wrong, unknown, failed = by_kind(gateway.collector.spans, SERVER)
    assert (wrong.name, wrong.attributes["error.type"], wrong.failed) == ("POST", "unauthorized", False)
    assert (unknown.attributes["error.type"], unknown.failed) == ("not_found", False)
    assert "gen_ai.request.model" not in unknown.attributes
    assert (failed.attributes["error.type"], failed.failed) == ("upstream", True)
    assert {span.attributes["error.type"] for span in by_kind(gateway.collector.spans, CLIENT)} == {"host"}


def test_an_unsampled_trace_is_not_recorded(gateway: ObservedGateway) -> None:
    """If the trace is not sampled, no span is exported, and the trace continues unchanged."""

    async def scenario(client: httpx.AsyncClient) -> None:
        parent = {"traceparent": f"00-{ID}-{PARENT}-00"}
        (await client.post(CHAT, json=chat(), headers=parent)).raise_for_status()

    gateway.run(scenario)

    assert gateway.collector.posts == []
    assert re.fullmatch(f"00-{ID}-[0-9a-f]{{16}}-00", gateway.provider.requests[0].headers["traceparent"])


def test_the_operation_of_embeddings(gateway: ObservedGateway) -> None:
    """The operation is the endpoint's, and the provider receives the span id."""
    body = {"data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 3, "total_tokens": 3}}
    gateway.provider.script("gpt-fake", FakeResponse(body=json.dumps(body).encode()))

    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/v1/embeddings", json={"model": "one/gpt-fake", "input": "x"})

    gateway.run(scenario)

    (attempt,) = by_kind(gateway.collector.spans, CLIENT)
    assert attempt.name == "embeddings gpt-fake"
    (request,) = gateway.provider.requests
    assert attempt.id in request.headers["traceparent"]


def test_the_operation_of_moderations(gateway: ObservedGateway) -> None:
    """The operation of a moderation is in its span's name."""
    body = {"id": "modr-1", "model": "m", "results": [{"flagged": False, "categories": {}}]}
    gateway.provider.script("gpt-fake", FakeResponse(body=json.dumps(body).encode()))

    async def scenario(client: httpx.AsyncClient) -> None:
        response = await client.post("/v1/moderations", json={"model": "one/gpt-fake", "input": "x"})
        response.raise_for_status()

    gateway.run(scenario)

    (attempt,) = by_kind(gateway.collector.spans, CLIENT)
    assert attempt.name == "moderation gpt-fake"


@pytest.mark.parametrize(
    ("headers", "client_id"),
    [
        ({"x-request-id": "app-1234/a:b=c+d"}, "app-1234/a:b=c+d"),
        ({"x-client-request-id": "from-sdk"}, "from-sdk"),
        ({"x-request-id": "with space", "x-client-request-id": "fine"}, "fine"),
        ({"x-request-id": "x" * 129}, None),
        ({"x-request-id": 'a"}{"level":"ERROR'}, None),
        ({"x-request-id": "sk-abcdefghijklmnop"}, "[redacted]"),
        ({}, None),
    ],
)
def test_request_ids_of_client_and_gateway(
    headers: dict[str, str], client_id: str | None, gateway: ObservedGateway, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the client's id beside ours if its format is safe. The provider receives our id, never the
    client's.
    """
    from vaultcore.telemetry import LOGGER, JsonLines

    async def scenario(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat(), headers=headers)).raise_for_status()
        await client.post(CHAT, json=chat("unknown-model"), headers=headers)

    with caplog.at_level(logging.INFO, LOGGER):
        gateway.run(scenario)

    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == LOGGER]
    assert [line["client_id"] for line in lines] == [client_id, client_id]
    (request,) = gateway.provider.requests
    assert request.headers["x-client-request-id"] == f"{lines[0]['request_id']}-1"
    assert "x-request-id" not in request.headers


def test_concurrent_requests_have_separate_spans(gateway: ObservedGateway) -> None:
    """Every attempt is below its own request, in the trace of that request."""

    async def scenario(client: httpx.AsyncClient) -> None:
        await asyncio.gather(*(client.post(CHAT, json=chat()) for _ in range(30)))

    gateway.run(scenario)

    served = {span.id: span for span in by_kind(gateway.collector.spans, SERVER)}
    attempts = by_kind(gateway.collector.spans, CLIENT)
    assert len(served) == len(attempts) == 30
    assert {span.parent for span in attempts} == set(served)
    assert all(served[span.parent].trace == span.trace for span in attempts)
    assert len({span.id for span in gateway.collector.spans}) == 60
