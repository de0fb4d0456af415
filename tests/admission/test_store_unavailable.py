"""Requests while the store is unavailable: no limit is overspent, and no response is lost."""

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

BODY = {"model": "fast", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}


class FailingStore:
    """A store whose methods fail on request: before their work (`failing`) or after it (`failing_late`)."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.failing: set[str] = set()
        self.failing_late: set[str] = set()

    def now(self) -> float:
        return float(self._store.now())

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            if name in self.failing:
                raise StoreUnavailable("the store does not answer", retry_after=1)
            result = await getattr(self._store, name)(*args, **kwargs)
            if name in self.failing_late:
                raise StoreUnavailable("the store did not answer in time", retry_after=1)
            return result

        return call


def break_store(services: Services) -> FailingStore:
    store = FailingStore(services.store)
    services.admission.limiter._store = services.authenticator._snapshots._store = store  # type: ignore[assignment]
    return store


async def send_request(client: httpx.AsyncClient, token: str, **fields: Any) -> httpx.Response:
    return await client.post("/v1/chat/completions", json={**BODY, **fields}, headers=bearer(token))


@pytest.mark.parametrize("method", ["get", "reserve"])
def test_a_request_is_rejected_before_a_provider_is_called(method: str, tmp_path: Path) -> None:
    """If a key cannot be read, or nothing can be reserved, the request is a 503 and costs nothing."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> httpx.Response:
            token = await issue_key(services, rpm=10)
            break_store(services).failing.add(method)
            return await send_request(client, token)

        response = run_with_client(services, scenario)

    assert response.status_code == 503
    assert response.json()["error"]["code"] == "store_unavailable"
    assert response.headers["retry-after"] == "1"
    assert provider.requests == []


@pytest.mark.parametrize(("limits", "status"), [({"rpm": None}, 200), ({"rpm": None, "tokens": 10_000}, 503)])
def test_a_cached_key_without_a_quota_works_for_a_minute(
    limits: dict[str, Any], status: int, tmp_path: Path
) -> None:
    """A cached key without a quota or budget stays valid for sixty seconds, and no longer."""
    clock = FakeClock()
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, clock=clock)

        async def scenario(client: httpx.AsyncClient) -> list[int]:
            token = await issue_key(services, **limits)
            statuses = [(await send_request(client, token)).status_code]
            break_store(services).failing |= {"get", "reserve"}
            for wait in (50, 9, 2):
                clock.time += wait
                statuses.append((await send_request(client, token)).status_code)
            return statuses

        assert run_with_client(services, scenario) == [200, status, status, 503]


def test_rates_can_be_divided_among_instances(tmp_path: Path) -> None:
    """With `degraded=N`, each instance allows 1/N of the rates; quotas still fail."""
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, degraded=4)

        async def scenario(client: httpx.AsyncClient) -> tuple[list[int], int]:
            rate_limited, with_quota = (
                await issue_key(services, rpm=8),
                await issue_key(services, tokens=10_000),
            )
            break_store(services).failing.add("reserve")
            statuses = [(await send_request(client, rate_limited)).status_code for _ in range(4)]
            return statuses, (await send_request(client, with_quota)).status_code

        assert run_with_client(services, scenario) == ([200, 200, 429, 429], 503)


@pytest.mark.parametrize("is_written", [False, True])
def test_a_failed_settlement_is_logged_and_counts_once(
    is_written: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """If a settlement fails before or after its write, the client gets its response.

    The log has the figures, and the usage counts exactly once when the store is available again.
    """
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> tuple[int, int, Any, int]:
            token = await issue_key(services, tokens=10_000)
            store = break_store(services)
            (store.failing_late if is_written else store.failing).add("settle")
            status_while_unavailable = (await send_request(client, token)).status_code
            store.failing.clear()
            store.failing_late.clear()
            status_afterwards = (await send_request(client, token)).status_code
            (key,) = await services.keys.all()
            (account_state,) = await services.store.accounts(account(key.id))
            collection = document_types.records_collection(day_of(services.clock.now()))
            return (
                status_while_unavailable,
                status_afterwards,
                account_state,
                len(await services.store.query(collection)),
            )

        with caplog.at_level(logging.ERROR, "vaultedge"):
            status_while_unavailable, status_afterwards, account_state, records = run_with_client(
                services, scenario
            )

    owed = [record.fields for record in caplog.records if record.getMessage() == "settlement owed"]  # type: ignore[attr-defined]
    assert (status_while_unavailable, status_afterwards, records) == (200, 200, 2)
    assert (
        account_state.settled,
        account_state.tokens,
        account_state.tokens_held,
        account_state.in_flight,
    ) == (2, 24, 24, 0)
    assert [(each["prompt_tokens"], each["completion_tokens"]) for each in owed] == [(7, 5)]
    assert "hi" not in json.dumps([{**each} for each in owed])


def test_an_unsigned_limit_policy_is_not_trusted(tmp_path: Path) -> None:
    """If the limit policy has no valid signature, requests are rejected."""
    from vaultcore.store.base import Put

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> int:
            forged = Put(DocumentKey("policy"), {"signed": {"gateway": {}, "owners": {}}, "mac": ""})
            await services.store.write(forged)
            return (await client.post("/v1/chat/completions", json=BODY)).status_code

        assert run_with_client(services, scenario) == 503
