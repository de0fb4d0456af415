"""The start of each attempt at a provider: in the record, in the log lines and in the admin API."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import ADMIN, bearer, build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.limits.account import day_of
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.store.base import Put
from vaultcore.usage.record import Record

BODY = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}
FAILING = FakeResponse(status=503)
PERIOD = {"from": "1970-01-01", "to": "1970-01-02"}


async def get_attempts(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Return the attempts of the only request from the admin API."""
    response = await client.get("/admin/logs", params=PERIOD, headers=bearer(ADMIN))
    assert response.status_code == 200, response.text
    (entry,) = response.json()["data"]
    return list(entry["attempts"])


def test_attempts_have_their_start(tmp_path: Path, lines: io.StringIO) -> None:
    """The pauses between rounds delay the starts: in the record, in the log lines and in the API."""
    clock = FakeClock()

    async def scenario(client: httpx.AsyncClient) -> tuple[Record, list[dict[str, Any]]]:
        response = await client.post("/v1/chat/completions", json=BODY)
        assert response.status_code == 200, response.text
        (row,) = await services.store.query(document_types.records_collection(day_of(clock.now())))
        return Record.unpack(row.body), await get_attempts(client)

    with FakeProvider() as provider:
        provider.script("gpt-fake", FAILING, FAILING, FakeResponse())
        provider.script("claude-fake", FAILING)
        services = build_services(tmp_path, provider, clock=clock, backoff=0.25, max_retries=5)
        record, entries = run_with_client(services, scenario)

    assert clock.slept == [0.25, 0.5]
    starts = [0, 0, 250, 250, 750]
    assert [each.began_ms for each in record.attempts] == starts
    assert [each["began_ms"] for each in entries] == starts
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [each["began_ms"] for each in logged if each.get("event") == "attempt"] == starts[:-1]


def test_old_records_have_no_start(tmp_path: Path) -> None:
    """A record written before starts were recorded can be read; it has none."""
    clock = FakeClock()

    async def scenario(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        await client.post("/v1/chat/completions", json=BODY)
        await _remove_starts(services, day_of(clock.now()))
        return await get_attempts(client)

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, clock=clock)
        (attempt,) = run_with_client(services, scenario)

    assert attempt["began_ms"] is None
    assert (attempt["provider"], attempt["status"]) == ("one", 200)


async def _remove_starts(services: Services, day: str) -> None:
    (row,) = await services.store.query(document_types.records_collection(day))
    attempts = [{name: each[name] for name in each if name != "began_ms"} for each in row.body["attempts"]]
    await services.store.write(Put(row.key, {**row.body, "attempts": attempts}))


def test_a_clock_set_back_gives_no_start_before_the_request(tmp_path: Path) -> None:
    """No attempt starts before its request, even if the machine's clock is set back."""

    class BackwardClock(FakeClock):
        async def sleep(self, seconds: float) -> None:
            self.time -= 60.0

    clock = BackwardClock()

    async def scenario(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        await client.post("/v1/chat/completions", json={**BODY, "model": "one/gpt-fake"})
        return await get_attempts(client)

    with FakeProvider() as provider:
        provider.script("gpt-fake", FAILING, FakeResponse())
        services = build_services(tmp_path, provider, clock=clock)
        attempts = run_with_client(services, scenario)

    assert [each["began_ms"] for each in attempts] == [0, 0]
