"""What becomes of requests while the store is away: nothing is given away, and no answer is lost."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider
from vaultcore.admission.caller import account
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import day_of
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.store.base import DocumentKey

QUESTION = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}


class Door:
    """A store's methods, of which some can be shut: they raise then, before or after what they do is done."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.shut: set[str] = set()
        self.late: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        async def asked(*given: Any, **named: Any) -> Any:
            if name in self.shut:
                raise StoreUnavailable("the store does not answer", retry_after=1)
            done = await getattr(self._store, name)(*given, **named)
            if name in self.late:
                raise StoreUnavailable("the store did not answer in time", retry_after=1)
            return done

        return asked


def shut(services: Services) -> Door:
    door = Door(services.store)
    services.limiter._store = services.authenticator._snapshots._store = door  # type: ignore[assignment]
    return door


async def ask(client: httpx.AsyncClient, token: str, **more: Any) -> httpx.Response:
    return await client.post("/v1/chat/completions", json={**QUESTION, **more}, headers=bearer(token))


@pytest.mark.parametrize("method", ["get", "reserve"])
def test_a_request_is_refused_before_anybody_is_asked(method: str, tmp_path: Path) -> None:
    """Where a key cannot be looked up, or nothing be reserved, a request is a 503 that costs nothing."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> httpx.Response:
            token = await issue_key(services, rpm=10)
            shut(services).shut.add(method)
            return await ask(client, token)

        response = run_with_client(services, story)

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "store_unavailable"
    assert response.headers["retry-after"] == "1"
    assert provider.requests == []


@pytest.mark.parametrize(("limits", "status"), [({"rpm": None}, 200), ({"rpm": None, "tokens": 10_000}, 503)])
def test_a_known_key_without_money_lives_on_for_a_minute(
    limits: dict[str, Any], status: int, tmp_path: Path
) -> None:
    """Who was let in lately and can lose nothing is let in for sixty seconds more; nobody longer."""
    clock = FakeClock()
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, clock=clock)

        async def story(client: httpx.AsyncClient) -> list[int]:
            token = await issue_key(services, **limits)
            found = [(await ask(client, token)).status_code]
            shut(services).shut |= {"get", "reserve"}
            for wait in (50, 9, 2):
                clock.time += wait
                found.append((await ask(client, token)).status_code)
            return found

        assert run_with_client(services, story) == [200, status, status, 503]


def test_rates_can_be_shared_out_meanwhile(tmp_path: Path) -> None:
    """Where asked for, each of N instances lets an N-th of the rates pass; what is lasting is not shared."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, degraded=4)

        async def story(client: httpx.AsyncClient) -> tuple[list[int], int]:
            rated, paid = await issue_key(services, rpm=8), await issue_key(services, tokens=10_000)
            shut(services).shut.add("reserve")
            found = [(await ask(client, rated)).status_code for _ in range(4)]
            return found, (await ask(client, paid)).status_code

        assert run_with_client(services, story) == ([200, 200, 429, 429], 503)


@pytest.mark.parametrize("done", [False, True])
def test_an_answer_is_not_lost_and_counts_once(
    done: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a settlement cannot be written, or was and nobody heard, the answer goes out all the same; the
    log has its figures, and when the store is back it counts exactly once."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> tuple[int, int, Any, int]:
            token = await issue_key(services, tokens=10_000)
            door = shut(services)
            (door.late if done else door.shut).add("settle")
            away = (await ask(client, token)).status_code
            door.shut.clear()
            door.late.clear()
            back = (await ask(client, token)).status_code
            (key,) = await services.keys.all()
            (held,) = await services.store.accounts(account(key.id))
            shelf = document_types.records_collection(day_of(services.clock.now()))
            return away, back, held, len(await services.store.query(shelf))

        with caplog.at_level(logging.ERROR, "vaultedge"):
            away, back, held, records = run_with_client(services, story)

    owed = [record.fields for record in caplog.records if record.getMessage() == "settlement owed"]  # type: ignore[attr-defined]
    assert (away, back, records) == (200, 200, 2)
    assert (held.settled, held.tokens, held.tokens_held, dict(held.leases)) == (2, 24, 24, {})
    assert [(each["prompt_tokens"], each["completion_tokens"]) for each in owed] == [(7, 5)]
    assert "hi" not in json.dumps([{**each} for each in owed])


def test_limits_that_somebody_else_wrote_are_not_trusted(tmp_path: Path) -> None:
    """Where the document of the gateway's limits is not this gateway's, nobody is let in."""
    from vaultcore.store.base import Put

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def story(client: httpx.AsyncClient) -> int:
            forged = Put(DocumentKey("policy"), {"signed": {"gateway": {}, "owners": {}}, "mac": ""})
            await services.store.write(forged)
            return (await client.post("/v1/chat/completions", json=QUESTION)).status_code

        assert run_with_client(services, story) == 503
