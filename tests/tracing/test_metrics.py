from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import httpx
import pytest

from tests.fakes.emf import total
from tests.fakes.gateway_app import bearer, issued, visit
from tests.fakes.provider import Answer
from tests.tracing.watched import Watched, chat
from vaultcore.errors import StoreUnavailable
from vaultcore.money import PER_DOLLAR
from vaultcore.tracing.request_metrics import CLASSES

CHAT = "/v1/chat/completions"


def test_a_request_is_one_line(house: Watched) -> None:
    """A request that one provider answers is one line, with what it took by provider and over all."""

    async def story(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat())).raise_for_status()

    found = house.run(story)

    assert len(house.said.getvalue().splitlines()) == 1
    for by in ({}, {"Provider": "one"}):
        assert total(found, "Requests", **by) == 1
        assert total(found, "Attempts", **by) == 1
        assert total(found, "Tokens", **by) == 12
        assert total(found, "CostUsd", **by) == pytest.approx((7 * 1 + 5 * 10) / 1e6)
        assert total(found, "Errors", **by) == 0
    assert 0 < total(found, "Overhead") < 5_000
    assert total(found, "TimeToFirstToken") == 0


def test_a_streams_first_token_is_timed_and_its_pauses_are_not_ours(house: Watched) -> None:
    """Overhead is what is left of a request without its provider, however slowly that speaks."""
    house.provider.script("gpt-fake", Answer(delay=0.2, pause=0.05))

    async def story(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat(stream=True))).raise_for_status()

    found = house.run(story)

    assert 200 <= total(found, "TimeToFirstToken", Provider="one") < 5_000
    assert total(found, "Overhead") < 150


def test_a_fallback_is_told_of_whoever_helped(house: Watched) -> None:
    """Failed attempts count for who failed, the request and its tokens for who answered."""
    house.provider.script("gpt-fake", Answer(status=500))

    async def story(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat())).raise_for_status()

    found = house.run(story)

    assert total(found, "Fallbacks", Provider="two") == total(found, "Fallbacks") == 1
    assert total(found, "Attempts", Provider="one") == 1
    assert total(found, "Attempts", Provider="two") == 1
    assert total(found, "Attempts") == 2
    assert total(found, "Requests", Provider="one") == 0
    assert total(found, "Tokens", Provider="two") == 12
    assert total(found, "Errors") == 0


def test_failures_have_a_class(house: Watched) -> None:
    """Every refusal counts once, under one of a few words."""
    house.provider.script("gpt-fake", Answer(status=500))
    house.provider.script("claude-fake", Answer(status=503))

    async def story(client: httpx.AsyncClient) -> None:
        asked = [
            client.post(CHAT, json=chat()),
            client.post(CHAT, json=chat("no-such-model")),
            client.post(CHAT, content=b"{", headers={"content-type": "application/json"}),
            client.post(CHAT, json=chat(), headers=bearer("ve-wrong")),
            client.get("/v1/nowhere"),
            client.delete(CHAT),
        ]
        for one in asked:
            assert (await one).status_code >= 400

    found = house.run(story, max_retries=1, backoff=0.0)

    assert total(found, "Requests") == total(found, "Errors") == 6
    assert total(found, "AllProvidersFailed") == 1
    assert total(found, "Errors", Class="upstream") == 1
    assert total(found, "Errors", Class="not_found") == 2
    assert total(found, "Errors", Class="invalid_request") == 1
    assert total(found, "Errors", Class="unauthorized") == 1
    assert total(found, "Errors", Class="method_not_allowed") == 1
    assert total(found, "Tokens") == total(found, "CostUsd") == 0


def test_a_stream_that_breaks_is_a_failure(house: Watched) -> None:
    """That its status was 200 does not hide it; one whose client left is none."""
    house.provider.script("gpt-fake", Answer(cut="middle"), Answer(pause=0.05, text="a " * 200))

    async def story(client: httpx.AsyncClient) -> None:
        assert (await client.post(CHAT, json=chat(stream=True))).status_code == 200

    found = house.run(story)

    assert total(found, "Errors", Class="stream_broken") == total(found, "Errors") == 1
    assert total(found, "Tokens", Provider="one") > 0


def test_our_own_429s_are_throttles_and_theirs_are_not(house: Watched) -> None:
    """Throttles counts what limits of the gateway's refuse."""
    house.provider.script("gpt-fake", Answer(status=429))
    house.provider.script("claude-fake", Answer(status=429))
    services = house.house(max_retries=1, backoff=0.0)

    async def story(client: httpx.AsyncClient) -> None:
        token = await issued(services, rpm=1)
        statuses = [
            (await client.post(CHAT, json=chat(), headers=bearer(token))).status_code for _ in range(2)
        ]
        assert statuses == [429, 429]

    found = house.go(services, story)

    assert total(found, "Throttles") == 1
    assert total(found, "Errors", Class="throttled") == 2
    assert total(found, "AllProvidersFailed") == 1


def test_an_account_that_runs_low_is_told_once_for_each_mark(house: Watched) -> None:
    """CreditsLow counts the marks that accounts pass, and that one is used up: refusals count once."""
    services = house.house()
    cost = 57_000  # nano-dollars of one answer

    async def story(client: httpx.AsyncClient) -> None:
        token = await issued(services, credits=PER_DOLLAR // 1_000)
        for _ in range(18):
            await client.post(CHAT, json=chat(max_tokens=6), headers=bearer(token))

    found = house.go(services, story)

    assert 14 * cost < 0.8 * PER_DOLLAR // 1_000 < 15 * cost
    assert total(found, "CreditsLow") == 2  # 80 %, and too little for the last
    assert len(house.said.getvalue().splitlines()) == 18


def test_a_circuit_that_opens_is_told(house: Watched) -> None:
    """BreakerOpen counts each opening at a provider, not each failure while it is open."""
    house.provider.script("gpt-fake", Answer(status=500))

    async def story(client: httpx.AsyncClient) -> None:
        for _ in range(5):
            (await client.post(CHAT, json=chat())).raise_for_status()

    found = house.run(story, breaker_threshold=3)

    assert total(found, "BreakerOpen") == total(found, "BreakerOpen", Provider="one") == 1
    assert total(found, "Attempts", Provider="one") == 3


def test_a_store_that_is_away_is_told(house: Watched) -> None:
    """StoreErrors counts every failure of the store, also where the client notices none."""
    services = house.house()
    beneath = services.store._store  # type: ignore[attr-defined]

    async def away(*_: object) -> None:
        raise StoreUnavailable("away")

    async def story(client: httpx.AsyncClient) -> None:
        beneath.settle = away
        (await client.post(CHAT, json=chat())).raise_for_status()

    found = house.go(services, story)

    assert total(found, "StoreErrors") == 1
    assert total(found, "Errors") == 0


@pytest.mark.parametrize("path", ["/health", "/console/", "/", "/admin/none"])
def test_what_asks_no_model_is_not_counted(house: Watched, path: str) -> None:
    """Probes of a load balancer, and the console, hide nothing in the figures."""

    async def story(client: httpx.AsyncClient) -> None:
        await client.get(path)

    assert house.run(story) == []
    assert house.collector.spans == []


def test_dimensions_are_bounded(house: Watched) -> None:
    """Whatever clients send, dimensions have no other values than providers and classes of errors."""

    async def story(client: httpx.AsyncClient) -> None:
        for number in range(8):
            await client.post(CHAT, json=chat(f"model-{number}"), headers={"x-request-id": f"id-{number}"})
            await client.request("GET", f"/v1/path-{number}")
            await client.post(CHAT, json=chat("one/" + "x" * number))

    found = house.run(story)

    values = {value for metric in found for _, value in metric.dimensions}
    assert values <= {"one", "two", "stream_broken", *CLASSES.values()}
    assert {name for metric in found for name, _ in metric.dimensions} <= {"Provider", "Class"}


def test_requests_at_once_do_not_mix(house: Watched) -> None:
    """Forty requests at a time to two providers add up to what each was asked."""

    async def story(client: httpx.AsyncClient) -> None:
        models = ["fast", "turned"] * 20
        answers = await asyncio.gather(*(client.post(CHAT, json=chat(model)) for model in models))
        assert all(answer.status_code == 200 for answer in answers)

    found = house.run(story)

    for provider in ("one", "two"):
        assert total(found, "Requests", Provider=provider) == 20
        assert total(found, "Attempts", Provider=provider) == 20
        assert total(found, "Tokens", Provider=provider) == 240


def test_a_client_that_leaves_is_no_failure(house: Watched) -> None:
    """What was used until a client left is counted, and no error."""
    house.provider.script("gpt-fake", Answer(pause=0.02, text="word " * 400))
    services = house.house()

    async def story(_: httpx.AsyncClient) -> None:
        await _left(services)

    found = house.go(services, story)

    assert total(found, "Requests") == 1
    assert total(found, "Errors") == 0
    assert total(found, "Tokens", Provider="one") > 0


async def _left(services: object) -> None:
    """Ask for a stream as a client does that hangs up after a few pieces."""
    from tests.fakes.gateway_app import SYSTEM
    from vaultcore.app import create_app
    from vaultcore.services import Services

    assert isinstance(services, Services)
    body = json.dumps(chat(stream=True)).encode()
    sent: list[object] = []
    gone = asyncio.Event()

    async def receive() -> dict[str, object]:
        if not sent:
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)
        if len(sent) > 5:
            gone.set()

    headers = [(b"authorization", f"Bearer {SYSTEM}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": CHAT, "query_string": b"", "headers": headers}
    with suppress(asyncio.CancelledError):
        await create_app(services)(scope, receive, send)  # type: ignore[arg-type]


def test_off_is_silent(house: Watched) -> None:
    """Without metrics and without a collector nothing is written, and nothing is sent to a provider's logs
    but our id.
    """

    async def story(client: httpx.AsyncClient) -> None:
        (await client.post(CHAT, json=chat(), headers={"traceparent": "00-" + "a" * 49})).raise_for_status()

    visit(house.house(metrics="off", otlp_endpoint=None), story)

    assert house.said.getvalue() == ""
    (request,) = house.provider.requests
    assert "traceparent" not in request.headers
