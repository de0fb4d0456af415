"""`Idempotency-Key` for clients: one upstream call and one charge, however often a request is sent."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import SYSTEM, bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.admission.caller import account
from vaultcore.limits.account import day_of
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.usage.record import Record

CANARY = "Kanarienvogel"
MESSAGE = {"role": "user", "content": f"How does a {CANARY} sing?"}
IMAGES = {"created": 1, "data": [{"b64_json": "aGk="}]}
EMBEDDINGS = {
    "object": "list",
    "model": "gpt-fake",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}],
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}

MODERATIONS = {"id": "modr-1", "model": "gpt-fake", "results": [{"flagged": False, "categories": {}}]}


@dataclass(frozen=True, slots=True)
class EndpointCase:
    """An endpoint, a request body, and the provider's response if the default one does not fit."""

    path: str
    body: dict[str, Any]
    response: dict[str, Any] | None = None

    def prepare(self, provider: FakeProvider, delay: float = 0.0) -> None:
        body = None if self.response is None else json.dumps(self.response).encode()
        provider.script("gpt-fake", FakeResponse(body=body, delay=delay))


CASES = {
    "chat": EndpointCase("/v1/chat/completions", {"model": "fast", "messages": [MESSAGE]}),
    "messages": EndpointCase("/v1/messages", {"model": "fast", "messages": [MESSAGE], "max_tokens": 20}),
    "verbatim": EndpointCase("/v1/messages", {"model": "turned", "messages": [MESSAGE], "max_tokens": 20}),
    "responses": EndpointCase("/v1/responses", {"model": "fast", "input": MESSAGE["content"]}),
    "embeddings": EndpointCase("/v1/embeddings", {"model": "one/gpt-fake", "input": CANARY}, EMBEDDINGS),
    "images": EndpointCase("/v1/images/generations", {"model": "one/gpt-fake", "prompt": CANARY}, IMAGES),
    "moderations": EndpointCase("/v1/moderations", {"model": "one/gpt-fake", "input": CANARY}, MODERATIONS),
}
CHAT = CASES["chat"]


async def post(
    client: httpx.AsyncClient, case: EndpointCase = CHAT, key: str = "k-1", token: str = SYSTEM, **more: Any
) -> httpx.Response:
    """Send a request with an idempotency key and further headers."""
    headers = {**bearer(token), "idempotency-key": key, **more}
    return await client.post(case.path, json=case.body, headers=headers)


async def load_records(services: Services) -> list[Record]:
    collection = document_types.records_collection(day_of(services.clock.now()))
    return [Record.unpack(document.body) for document in await services.store.query(collection, limit=1_000)]


@pytest.mark.parametrize("store", ["memory:", "sqlite:{}/state.db"])
@pytest.mark.parametrize("name", CASES)
def test_fifty_concurrent_repeats_run_once(tmp_path: Path, name: str, store: str) -> None:
    """Of 50 concurrent requests one runs and is charged. The others get 409 or the same response."""
    case = CASES[name]

    async def scenario(client: httpx.AsyncClient) -> None:
        token = await issue_key(services)
        responses = await asyncio.gather(*(post(client, case, token=token) for _ in range(50)))
        later = await asyncio.gather(*(post(client, case, token=token) for _ in range(5)))
        (first,) = [each for each in responses if each.status_code == 200 and not replayed(each)]
        others = [each for each in responses if each is not first]

        assert {each.status_code for each in others} <= {200, 409}
        waits = [int(each.headers["retry-after"]) for each in others if each.status_code == 409]
        assert all(1 <= wait <= 9 for wait in waits)  # more than 1 if the first request takes longer
        for each in [*later, *(each for each in others if each.status_code == 200)]:
            assert replayed(each)
            assert (each.status_code, each.content) == (200, first.content)
            assert each.headers["content-type"] == first.headers["content-type"]
        (record,) = await load_records(services)
        (balance,) = await services.store.accounts(account(record.key))
        assert (balance.settled, balance.nanos) == (1, record.cost or 0)

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, store=store.format(tmp_path))
        case.prepare(provider, delay=0.1)
        run_with_client(services, scenario)

    assert len(provider.requests) == 1


def replayed(response: httpx.Response) -> bool:
    return response.headers.get("x-vaultedge-replayed") == "1"


def test_a_replay_is_marked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A replay has its own request id, costs nothing, names the provider that responded, and is marked in the
    log."""

    async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await post(client), await post(client)]

    with FakeProvider() as provider, caplog.at_level(logging.INFO, "vaultedge"):
        first, again = run_with_client(build_services(tmp_path, provider), scenario)

    assert first.headers["x-vaultedge-cost-usd"] != "0"
    assert again.headers["x-vaultedge-cost-usd"] == "0"
    assert not replayed(first)
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    for name in ("x-vaultedge-provider", "x-vaultedge-model", "cache-control"):
        assert again.headers[name] == first.headers[name]
    line = caplog.records[-1].__dict__["fields"]
    assert (line["request_id"], line["replayed"]) == (again.headers["x-request-id"], True)
    assert CANARY not in caplog.text


@pytest.mark.parametrize("name", CASES)
def test_a_key_with_another_body_is_rejected(tmp_path: Path, name: str) -> None:
    """The same key with another body is rejected in the client API's format, and SDKs do not retry it."""
    case = CASES[name]
    other = replace(case, body={**case.body, "user": "another user", "metadata": {"user_id": "else"}})

    async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await post(client, case), await post(client, other)]

    with FakeProvider() as provider:
        case.prepare(provider)
        first, refused = run_with_client(build_services(tmp_path, provider), scenario)

    assert (first.status_code, refused.status_code) == (200, 409)
    assert "idempotency" in refused.json()["error"]["message"]
    assert refused.headers["x-should-retry"] == "false"
    assert len(provider.requests) == 1


def test_the_fingerprint_of_a_request(tmp_path: Path) -> None:
    """The order of fields and white space do not matter. Headers and fields that change the response do."""
    reordered = json.dumps({"messages": [MESSAGE], "model": "fast"}, indent=4)
    changes = {
        "x-vaultedge-routing-strategy": "cheapest",
        "x-vaultedge-strict": "1",
        "x-vaultedge-explain": "1",
    }

    async def scenario(client: httpx.AsyncClient) -> None:
        await post(client)
        headers = {"idempotency-key": "k-1", "content-type": "application/json"}
        same = await client.post(CHAT.path, content=reordered, headers=headers)
        with_options = await post(client, **{"x-vaultedge-max-key-retries": "1", "user-agent": "another"})
        changed = [await post(client, **{name: value}) for name, value in changes.items()]
        bounded = replace(CHAT, body={**CHAT.body, "max_tokens": 9})
        chat = await post(client, bounded, "k-2")
        messages = await post(client, replace(bounded, path="/v1/messages"), "k-2")

        assert replayed(same)
        assert replayed(with_options)
        assert [each.json()["error"]["code"] for each in changed] == ["idempotency_key_reused"] * 3
        assert (chat.status_code, messages.status_code) == (200, 409)

    with FakeProvider() as provider:
        run_with_client(build_services(tmp_path, provider), scenario)


def test_forwarded_headers_identify_a_request(tmp_path: Path) -> None:
    """A header that is forwarded to the provider is part of the request: another beta is another request."""

    async def scenario(client: httpx.AsyncClient) -> list[int]:
        betas = ["one", "one", "two"]
        responses = [await post(client, CASES["verbatim"], **{"anthropic-beta": beta}) for beta in betas]
        return [each.status_code for each in responses]

    with FakeProvider() as provider:
        assert run_with_client(build_services(tmp_path, provider), scenario) == [200, 200, 409]


def test_keys_are_separate_per_caller(tmp_path: Path) -> None:
    """The same idempotency key of another virtual key, or of the system key, is another request."""

    async def scenario(client: httpx.AsyncClient) -> None:
        tokens = [await issue_key(services), await issue_key(services), SYSTEM]
        responses = [await post(client, token=token) for token in tokens]
        again = [await post(client, token=token) for token in tokens]

        assert not any(map(replayed, responses))
        assert all(map(replayed, again))

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)
        run_with_client(services, scenario)

    assert len(provider.requests) == 3


def test_replays_use_no_limit(tmp_path: Path) -> None:
    """A replay uses no limit. A request rejected by a limit does not use up its idempotency key."""

    async def scenario(client: httpx.AsyncClient) -> None:
        token = await issue_key(services, rpm=1)
        first = await post(client, token=token)
        again = [await post(client, token=token) for _ in range(3)]
        refused = await post(client, key="k-2", token=token)
        clock.time += 120
        later = await post(client, key="k-2", token=token)

        assert first.status_code == 200
        assert all(map(replayed, again))
        assert refused.status_code == 429
        assert (later.status_code, replayed(later)) == (200, False)

    with FakeProvider() as provider:
        clock = FakeClock()
        services = build_services(tmp_path, provider, clock=clock)
        run_with_client(services, scenario)


def test_a_replay_needs_permission(tmp_path: Path) -> None:
    """A key that may no longer use the model, or is revoked, does not get its stored responses."""

    async def scenario(client: httpx.AsyncClient) -> list[int]:
        issue = await services.keys.create(VirtualKey("", "a key", 0.0, ()), "r-1")
        responses = [await post(client, token=issue.token)]
        await services.keys.change(issue.key.id, lambda key: replace(key, models=("two/other",)), "r-2")
        responses.append(await post(client, token=issue.token))
        await services.keys.change(issue.key.id, lambda key: replace(key, models=("fast",)), "r-3")
        responses.append(await post(client, token=issue.token))
        await services.keys.revoke(issue.key.id, "r-4")
        responses.append(await post(client, token=issue.token))
        return [each.status_code for each in responses]

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)
        assert run_with_client(services, scenario) == [200, 403, 200, 401]

    assert len(provider.requests) == 1


@pytest.mark.parametrize("sent", [[""], [" "], ["a b"], ["ü"], ["x" * 256], ["a", "a"], ["a\tb"]])
def test_invalid_keys_are_rejected(tmp_path: Path, sent: list[str]) -> None:
    """A key other than 1 to 255 visible ASCII characters, or more than one, is rejected before any call."""

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        headers = [("idempotency-key", each.encode()) for each in sent]
        return await client.post(CHAT.path, json=CHAT.body, headers=[*bearer(SYSTEM).items(), *headers])

    with FakeProvider() as provider:
        response = run_with_client(build_services(tmp_path, provider), scenario)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == "idempotency-key"
    assert provider.requests == []


@pytest.mark.parametrize("name", ["chat", "messages", "responses"])
def test_streams_accept_no_key(tmp_path: Path, name: str) -> None:
    """A streamed request with a key is rejected: its response is not stored, so that a repeat would run
    twice."""
    streamed = replace(CASES[name], body={**CASES[name].body, "stream": True})

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await post(client, streamed)

    with FakeProvider() as provider:
        response = run_with_client(build_services(tmp_path, provider), scenario)

    assert response.status_code == 400
    assert "stream" in response.json()["error"]["message"]
    assert provider.requests == []


def test_every_visible_character_is_accepted(tmp_path: Path) -> None:
    """A key may contain all visible ASCII characters and have 255 characters."""
    keys = ["x", "x" * 255, "".join(map(chr, range(33, 127)))]

    async def scenario(client: httpx.AsyncClient) -> Counter[tuple[int, bool]]:
        responses = [await post(client, key=key) for key in keys * 2]
        return Counter((each.status_code, replayed(each)) for each in responses)

    with FakeProvider() as provider:
        assert run_with_client(build_services(tmp_path, provider), scenario) == {
            (200, False): 3,
            (200, True): 3,
        }


def test_openais_client_retries_until_the_response(tmp_path: Path) -> None:
    """OpenAI's client retries while the first request runs, and then gets the same response."""

    async def scenario(client: httpx.AsyncClient) -> None:
        sdk = openai.AsyncOpenAI(api_key=SYSTEM, base_url="http://gateway/v1", http_client=client)

        async def create(content: str) -> str:
            completion = await sdk.chat.completions.create(
                model="fast",
                messages=[{"role": "user", "content": content}],
                extra_headers={"Idempotency-Key": "k-1"},
            )
            return completion.choices[0].message.content or ""

        assert len(set(await asyncio.gather(create("hi"), create("hi")))) == 1
        with pytest.raises(openai.ConflictError):
            await create("something else")

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(delay=0.2))
        run_with_client(build_services(tmp_path, provider), scenario)

    assert len(provider.requests) == 1
