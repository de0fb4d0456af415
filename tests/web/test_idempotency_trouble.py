"""`Idempotency-Key` where something goes wrong: providers, the store, clients that leave, thieves."""

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
from tests.fakes.provider import FakeResponse, FakeProvider
from tests.idempotency.claiming import TroubledStore, claims
from vaultcore.app import create_app
from vaultcore.idempotency.claims import MAX_RESPONSE
from vaultcore.services import Services

PATH = "/v1/chat/completions"
QUESTION, REPLY = "Wie singt der Kanarienvogel?", "Der Zeisig singt lauter."
BODY = {"model": "one/gpt-fake", "messages": [{"role": "user", "content": QUESTION}]}


async def ask(
    client: httpx.AsyncClient, token: str = SYSTEM, *, key: str | None = "Blaumeise-17"
) -> httpx.Response:
    named = {} if key is None else {"idempotency-key": key}
    return await client.post(PATH, json=BODY, headers={**bearer(token), **named})


async def until(met: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for something that happens in another thread or task."""
    async with asyncio.timeout(10):
        while not (found if isinstance(found := met(), bool) else await found):  # noqa: ASYNC110 - threads tell no Event
            await asyncio.sleep(0.01)


def outcome(response: httpx.Response) -> tuple[int, bool]:
    """The status, and whether it is a replay."""
    return response.status_code, "x-vaultedge-replayed" in response.headers


def troubled(folder: Path, provider: FakeProvider) -> tuple[Services, TroubledStore, FakeClock]:
    """A house whose claims are kept in a store of their own."""
    clock = FakeClock()
    store = TroubledStore(clock)
    return replace(build_services(folder, provider, clock=clock), claims=claims(store, clock)), store, clock


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_failures_are_not_kept(tmp_path: Path, status: int) -> None:
    """What a provider refused or failed at runs again with the same key, and then is kept."""

    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await ask(client) for _ in range(3)]

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(status), FakeResponse())
        services = build_services(tmp_path, provider, max_retries=0, max_key_retries=0, clock=FakeClock())
        failed, *others = run_with_client(services, story)

    assert failed.status_code >= 400
    assert [outcome(each) for each in others] == [(200, False), (200, True)]
    assert len(provider.requests) == 2


def test_a_store_that_is_away(tmp_path: Path) -> None:
    """Without a place to claim the key at, a request that has one is refused; one without goes its way."""

    async def story(client: httpx.AsyncClient) -> list[int]:
        store.away = True
        return [(await ask(client)).status_code, (await ask(client, key=None)).status_code]

    with FakeProvider() as provider:
        services, store, _ = troubled(tmp_path, provider)
        assert run_with_client(services, story) == [503, 200]

    assert len(provider.requests) == 1


def test_a_crash_between_answer_and_store(tmp_path: Path) -> None:
    """An answer that came but was never kept blocks its key for the lease; then one retry runs."""

    async def story(client: httpx.AsyncClient) -> None:
        asking = asyncio.create_task(ask(client))
        await until(lambda: len(provider.requests) == 1)
        store.away = True
        assert outcome(await asking) == (200, False)
        store.away = False

        assert (await ask(client)).status_code == 409
        clock.time += services.settings.lease
        retries = await asyncio.gather(*(ask(client) for _ in range(10)))
        assert sorted(outcome(each) for each in retries) == [(200, False)] + [(409, False)] * 9
        assert outcome(await ask(client)) == (200, True)

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(delay=0.1))
        services, store, clock = troubled(tmp_path, provider)
        run_with_client(services, story)

    assert len(provider.requests) == 2


def test_a_request_that_is_cancelled(tmp_path: Path) -> None:
    """A request that is cancelled while the provider thinks gives its key back."""

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        asking = asyncio.create_task(ask(client))
        await until(lambda: len(provider.requests) == 1)
        asking.cancel()
        await asyncio.wait({asking})
        return await ask(client)

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(hang=True), FakeResponse())
        assert outcome(run_with_client(build_services(tmp_path, provider), story)) == (200, False)


@asynccontextmanager
async def listening(services: Services) -> AsyncIterator[int]:
    """The gateway under uvicorn; its port."""
    config = uvicorn.Config(create_app(services), port=0, log_config=None, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


def test_a_client_that_hangs_up_finds_its_answer(tmp_path: Path) -> None:
    """A client whose connection broke asks again, and has the answer that was made for it meanwhile."""
    body, size = json.dumps(BODY), len(json.dumps(BODY))
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: house\r\nauthorization: Bearer {SYSTEM}\r\n"
        f"idempotency-key: Blaumeise-17\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n"
    )

    async def story(client: httpx.AsyncClient) -> None:
        async with listening(services) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write((head + body).encode())
            await until(lambda: len(provider.requests) == 1)
            writer.transport.abort()
            await until(lambda: found(client))

    async def found(client: httpx.AsyncClient) -> bool:
        response = await ask(client)
        assert outcome(response) in {(409, False), (200, True)}
        return response.status_code == 200

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(delay=0.2))
        services = build_services(tmp_path, provider)
        run_with_client(services, story)

    assert len(provider.requests) == 1


def test_a_thief_of_the_store_reads_nothing(tmp_path: Path) -> None:
    """All files of the store together hold no word of keys, prompts and answers, kept though they are."""

    async def story(client: httpx.AsyncClient) -> bytes:
        token = await issue_key(services)
        assert (await ask(client, token)).status_code == 200
        assert outcome(await ask(client, token)) == (200, True)
        return stolen(tmp_path)

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(text=REPLY))
        services = build_services(tmp_path, provider, store=f"sqlite:{tmp_path}/state.db")
        held = run_with_client(services, story)

    assert b"claim/" in held
    for told in ("Kanarienvogel", "Zeisig", "Blaumeise"):
        assert told.encode() not in held


def stolen(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("state.db*"))


def test_an_answer_too_large_to_keep(tmp_path: Path) -> None:
    """An answer beyond what is kept is given once; its repeat is refused, not charged again."""
    picture = {"created": 1, "data": [{"b64_json": base64.b64encode(os.urandom(MAX_RESPONSE)).decode()}]}

    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        body, headers = {"model": "one/gpt-fake", "prompt": "a bird"}, {"idempotency-key": "k"}
        return [await client.post("/v1/images/generations", json=body, headers=headers) for _ in range(2)]

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(body=json.dumps(picture).encode()))
        first, again = run_with_client(build_services(tmp_path, provider), story)

    assert (first.status_code, first.json()["data"]) == (200, picture["data"])
    assert (again.status_code, again.json()["error"]["code"]) == (409, "idempotency_answer_too_large")
    assert len(provider.requests) == 1


def test_a_gateway_without_a_pepper(tmp_path: Path) -> None:
    """Where answers cannot be encrypted, a request with a key is told so; one without is answered."""

    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await ask(client), await ask(client, key=None)]

    with FakeProvider() as provider:
        plain = build_services(tmp_path, provider)
        bare = claims(plain.store, plain.clock, pepper=None)
        refused, answered = run_with_client(replace(plain, claims=bare), story)

    assert (refused.status_code, answered.status_code) == (503, 200)
    assert "pepper" in refused.json()["error"]["message"]
