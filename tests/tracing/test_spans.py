from __future__ import annotations

import asyncio
import json
import logging
import re

import httpx
import pytest

from tests.fakes.collector import Span
from tests.fakes.gateway_app import bearer
from tests.fakes.provider import Answer
from tests.tracing.watched import Watched, chat

CHAT = "/v1/chat/completions"
ID, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER, CLIENT = 2, 3


def by_kind(spans: list[Span], kind: int) -> list[Span]:
    return [span for span in spans if span.kind == kind]


def test_a_request_and_its_attempts_are_spans_of_the_clients_trace(house: Watched) -> None:
    """One server span below the client's, one client span per attempt below that, in the words of the GenAI
    conventions; and what each provider was sent names its attempt's span.
    """
    house.provider.script("gpt-fake", Answer(status=500, headers={"x-request-id": "req-of-one"}))

    async def story(client: httpx.AsyncClient) -> None:
        parent = {"traceparent": f"00-{ID}-{PARENT}-01"}
        (await client.post(CHAT, json=chat(), headers=parent)).raise_for_status()

    house.run(story)

    (served,) = by_kind(house.collector.spans, SERVER)
    first, second = by_kind(house.collector.spans, CLIENT)
    assert {span.trace for span in house.collector.spans} == {ID}
    assert (served.name, served.parent, served.failed) == (f"POST {CHAT}", PARENT, False)
    assert (
        served.told.items()
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
        first.told.items()
        >= {
            "gen_ai.provider.name": "one",
            "gen_ai.request.model": "gpt-fake",
            "error.type": "500",
            "vaultedge.upstream_request_id": "req-of-one",
            "server.address": "127.0.0.1",
        }.items()
    )
    assert (
        second.told.items()
        >= {
            "gen_ai.provider.name": "two",
            "gen_ai.response.model": "claude-fake",
            "gen_ai.usage.output_tokens": 5,
        }.items()
    )
    assert "gen_ai.usage.output_tokens" not in first.told
    assert served.began <= first.began <= first.ended <= second.began <= second.ended <= served.ended
    sent = [request.headers["traceparent"] for request in house.provider.requests]
    assert sent == [f"00-{ID}-{span.id}-01" for span in (first, second)]


def test_a_stream_is_one_attempt_as_long_as_it_lasts(house: Watched) -> None:
    """The span of a streamed attempt ends with its last piece, and knows the model that answered."""
    house.provider.script("gpt-fake", Answer(pause=0.03))

    async def story(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat(stream=True))).raise_for_status()

    house.run(story)

    (attempt,) = by_kind(house.collector.spans, CLIENT)
    assert attempt.ended - attempt.began >= 150_000_000
    assert attempt.told["gen_ai.response.model"] == "gpt-fake"


def test_failures_have_a_type(house: Watched) -> None:
    """A refusal of ours is told by its class, and is an error of the gateway's only from 500 on."""
    house.provider.script("gpt-fake", Answer(cut="before"))
    house.provider.script("claude-fake", Answer(cut="before"))

    async def story(client: httpx.AsyncClient) -> None:
        await client.post(CHAT, json=chat(), headers=bearer("ve-wrong"))
        await client.post(CHAT, json=chat("a prompt instead of a model"))
        await client.post(CHAT, json=chat())

    house.run(story, max_retries=1, backoff=0.0)

    wrong, unknown, failed = by_kind(house.collector.spans, SERVER)
    assert (wrong.name, wrong.told["error.type"], wrong.failed) == ("POST", "unauthorized", False)
    assert (unknown.told["error.type"], unknown.failed) == ("not_found", False)
    assert "gen_ai.request.model" not in unknown.told
    assert (failed.told["error.type"], failed.failed) == ("upstream", True)
    assert {span.told["error.type"] for span in by_kind(house.collector.spans, CLIENT)} == {"host"}


def test_a_client_that_records_nothing_is_not_recorded(house: Watched) -> None:
    """Where whoever began the trace has decided against it, no span is made; the trace goes on as it is."""

    async def story(client: httpx.AsyncClient) -> None:
        parent = {"traceparent": f"00-{ID}-{PARENT}-00"}
        (await client.post(CHAT, json=chat(), headers=parent)).raise_for_status()

    house.run(story)

    assert house.collector.posts == []
    assert re.fullmatch(f"00-{ID}-[0-9a-f]{{16}}-00", house.provider.requests[0].headers["traceparent"])


def test_embeddings_are_embeddings(house: Watched) -> None:
    """The operation is what the endpoint does, and the provider is sent the ids there as well."""
    body = {"data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 3, "total_tokens": 3}}
    house.provider.script("gpt-fake", Answer(body=json.dumps(body).encode()))

    async def story(client: httpx.AsyncClient) -> None:
        await client.post("/v1/embeddings", json={"model": "one/gpt-fake", "input": "x"})

    house.run(story)

    (attempt,) = by_kind(house.collector.spans, CLIENT)
    assert attempt.name == "embeddings gpt-fake"
    (request,) = house.provider.requests
    assert attempt.id in request.headers["traceparent"]


@pytest.mark.parametrize(
    ("sent", "kept"),
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
def test_one_id_leads_from_the_client_to_the_provider(
    sent: dict[str, str], kept: str | None, house: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the client's id beside ours, where it is of a shape that a log may hold; the provider is
    sent ours, and never the client's.
    """
    from vaultcore.telemetry import LOGGER, JsonLines

    async def story(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat(), headers=sent)).raise_for_status()
        await client.post(CHAT, json=chat("nobody"), headers=sent)

    with caplog.at_level(logging.INFO, LOGGER):
        house.run(story)

    lines = [json.loads(JsonLines().format(record)) for record in caplog.records if record.name == LOGGER]
    assert [line["client_id"] for line in lines] == [kept, kept]
    (request,) = house.provider.requests
    assert request.headers["x-client-request-id"] == f"{lines[0]['request_id']}-1"
    assert "x-request-id" not in request.headers


def test_many_requests_at_once_keep_their_spans_apart(house: Watched) -> None:
    """Every attempt hangs below its own request, in that request's trace."""

    async def story(client: httpx.AsyncClient) -> None:
        await asyncio.gather(*(client.post(CHAT, json=chat()) for _ in range(30)))

    house.run(story)

    served = {span.id: span for span in by_kind(house.collector.spans, SERVER)}
    attempts = by_kind(house.collector.spans, CLIENT)
    assert len(served) == len(attempts) == 30
    assert {span.parent for span in attempts} == set(served)
    assert all(served[span.parent].trace == span.trace for span in attempts)
    assert len({span.id for span in house.collector.spans}) == 60
