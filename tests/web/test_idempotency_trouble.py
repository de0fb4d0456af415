"""`Idempotency-Key` with failures: of providers, of the store and of clients; and a stolen store."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import uvicorn

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import SYSTEM, bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.idempotency.claims_setup import FaultyStore, build_claims
from vaultcore.app import create_app
from vaultcore.idempotency.claims import MAX_RESPONSE
from vaultcore.services import Services

PATH = "/v1/chat/completions"
PROMPT, REPLY = "Wie singt der Kanarienvogel?", "Der Zeisig singt lauter."
BODY = {"model": "one/gpt-fake", "messages": [{"role": "user", "content": PROMPT}]}


async def post(
    client: httpx.AsyncClient, token: str = SYSTEM, *, key: str | None = "Blaumeise-17"
) -> httpx.Response:
    key_header = {} if key is None else {"idempotency-key": key}
    return await client.post(PATH, json=BODY, headers={**bearer(token), **key_header})


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until a condition is true that another thread or task fulfils."""
    async with asyncio.timeout(10):
        while not (result if isinstance(result := condition(), bool) else await result):  # noqa: ASYNC110 - threads tell no Event
            await asyncio.sleep(0.01)


def outcome(response: httpx.Response) -> tuple[int, bool]:
    """Return the status, and True for a replay."""
    return response.status_code, "x-vaultedge-replayed" in response.headers


def services_with_faulty_store(
    folder: Path, provider: FakeProvider
) -> tuple[Services, FaultyStore, FakeClock]:
    """Return services whose claims are in a separate store that can be made unavailable."""
    clock = FakeClock()
    store = FaultyStore(clock)
    return (
        replace(build_services(folder, provider, clock=clock), claims=build_claims(store, clock)),
        store,
        clock,
    )


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_failures_are_not_stored(tmp_path: Path, status: int) -> None:
    """After an error the same key runs again; the successful response is stored."""

    async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await post(client) for _ in range(3)]

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(status), FakeResponse())
        services = build_services(tmp_path, provider, max_retries=0, max_key_retries=0, clock=FakeClock())
        failed, *others = run_with_client(services, scenario)

    assert failed.status_code >= 400
    assert [outcome(each) for each in others] == [(200, False), (200, True)]
    assert len(provider.requests) == 2


def test_an_unavailable_store(tmp_path: Path) -> None:
    """Without a store, a request with a key is rejected; one without a key runs."""

    async def scenario(client: httpx.AsyncClient) -> list[int]:
        store.unavailable = True
        return [(await post(client)).status_code, (await post(client, key=None)).status_code]

    with FakeProvider() as provider:
        services, store, _ = services_with_faulty_store(tmp_path, provider)
        assert run_with_client(services, scenario) == [503, 200]

    assert len(provider.requests) == 1


def test_a_response_that_was_not_stored(tmp_path: Path) -> None:
    """If a response could not be stored, its key is blocked for the lease; then one retry runs."""

    async def scenario(client: httpx.AsyncClient) -> None:
        task = asyncio.create_task(post(client))
        await until(lambda: len(provider.requests) == 1)
        store.unavailable = True
        assert outcome(await task) == (200, False)
        store.unavailable = False

        assert (await post(client)).status_code == 409
        clock.time += services.settings.lease
        retries = await asyncio.gather(*(post(client) for _ in range(10)))
        assert sorted(outcome(each) for each in retries) == [(200, False)] + [(409, False)] * 9
        assert outcome(await post(client)) == (200, True)

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(delay=0.1))
        services, store, clock = services_with_faulty_store(tmp_path, provider)
        run_with_client(services, scenario)

    assert len(provider.requests) == 2


def test_a_cancelled_request_releases_its_key(tmp_path: Path) -> None:
    """A request that is cancelled during the provider call releases its key."""

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        task = asyncio.create_task(post(client))
        await until(lambda: len(provider.requests) == 1)
        task.cancel()
        await asyncio.wait({task})
        return await post(client)

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(hang=True), FakeResponse())
        assert outcome(run_with_client(build_services(tmp_path, provider), scenario)) == (200, False)


@asynccontextmanager
async def listening(services: Services) -> AsyncIterator[int]:
    """Run the gateway with uvicorn; yield its port."""
    config = uvicorn.Config(create_app(services), port=0, log_config=None, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


def test_a_disconnected_client_gets_its_response_later(tmp_path: Path) -> None:
    """A client whose connection broke repeats the request and gets the response produced meanwhile."""
    body, size = json.dumps(BODY), len(json.dumps(BODY))
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {SYSTEM}\r\n"
        f"idempotency-key: Blaumeise-17\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n"
    )

    async def scenario(client: httpx.AsyncClient) -> None:
        async with listening(services) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write((head + body).encode())
            await until(lambda: len(provider.requests) == 1)
            writer.transport.abort()
            await until(lambda: is_replayed(client))

    async def is_replayed(client: httpx.AsyncClient) -> bool:
        response = await post(client)
        assert outcome(response) in {(409, False), (200, True)}
        return response.status_code == 200

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(delay=0.2))
        services = build_services(tmp_path, provider)
        run_with_client(services, scenario)

    assert len(provider.requests) == 1


def test_the_store_contains_no_content(tmp_path: Path) -> None:
    """The files of the store contain no idempotency key, prompt or response in clear text."""

    async def scenario(client: httpx.AsyncClient) -> bytes:
        token = await issue_key(services)
        assert (await post(client, token)).status_code == 200
        assert outcome(await post(client, token)) == (200, True)
        return store_content(tmp_path)

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(text=REPLY))
        services = build_services(tmp_path, provider, store=f"sqlite:{tmp_path}/state.db")
        content = run_with_client(services, scenario)

    assert b"claim/" in content
    for word in ("Kanarienvogel", "Zeisig", "Blaumeise"):
        assert word.encode() not in content


def store_content(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("state.db*"))


def test_a_response_too_large_to_store(tmp_path: Path) -> None:
    """A response over the size limit is returned once; its repeat is rejected and not charged again."""
    images = {"created": 1, "data": [{"b64_json": base64.b64encode(os.urandom(MAX_RESPONSE)).decode()}]}

    async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
        body, headers = {"model": "one/gpt-fake", "prompt": "a bird"}, {"idempotency-key": "k"}
        return [await client.post("/v1/images/generations", json=body, headers=headers) for _ in range(2)]

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(body=json.dumps(images).encode()))
        first, again = run_with_client(build_services(tmp_path, provider), scenario)

    assert (first.status_code, first.json()["data"]) == (200, images["data"])
    assert (again.status_code, again.json()["error"]["code"]) == (409, "idempotency_answer_too_large")
    assert len(provider.requests) == 1


def test_a_gateway_without_a_pepper(tmp_path: Path) -> None:
    """If responses cannot be encrypted, a request with a key is rejected; one without a key runs."""

    async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await post(client), await post(client, key=None)]

    with FakeProvider() as provider:
        plain = build_services(tmp_path, provider)
        bare = build_claims(plain.store, plain.clock, pepper=None)
        refused, answered = run_with_client(replace(plain, claims=bare), scenario)

    assert (refused.status_code, answered.status_code) == (503, 200)
    assert "pepper" in refused.json()["error"]["message"]
