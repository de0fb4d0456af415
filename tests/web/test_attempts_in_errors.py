"""When each attempt at a provider began: in the record, in the log's lines and through the admin API."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import ADMIN, bearer, build_services, run_with_client
from tests.fakes.provider import FakeResponse, FakeProvider
from vaultcore.limits.account import day_of
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.store.base import Put
from vaultcore.usage.record import Record

QUESTION = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}
FAILING = FakeResponse(status=503)
PERIOD = {"from": "1970-01-01", "to": "1970-01-02"}


async def told(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """The attempts of the only request, as the admin API has them."""
    answer = await client.get("/admin/logs", params=PERIOD, headers=bearer(ADMIN))
    assert answer.status_code == 200, answer.text
    (entry,) = answer.json()["data"]
    return list(entry["attempts"])


def test_attempts_say_when_they_began(tmp_path: Path, lines: io.StringIO) -> None:
    """Pauses between rounds show as later beginnings: in the row, in the lines and in the API alike."""
    clock = FakeClock()

    async def story(client: httpx.AsyncClient) -> tuple[Record, list[dict[str, Any]]]:
        answer = await client.post("/v1/chat/completions", json=QUESTION)
        assert answer.status_code == 200, answer.text
        (row,) = await services.store.query(document_types.records_collection(day_of(clock.now())))
        return Record.unpack(row.body), await told(client)

    with FakeProvider() as provider:
        provider.script("gpt-fake", FAILING, FAILING, FakeResponse())
        provider.script("claude-fake", FAILING)
        services = build_services(tmp_path, provider, clock=clock, backoff=0.25, max_retries=5)
        record, entries = run_with_client(services, story)

    assert clock.slept == [0.25, 0.5]
    began = [0, 0, 250, 250, 750]
    assert [each.began_ms for each in record.attempts] == began
    assert [each["began_ms"] for each in entries] == began
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [each["began_ms"] for each in logged if each.get("event") == "attempt"] == began[:-1]


def test_rows_of_before_have_no_beginning(tmp_path: Path) -> None:
    """A row that was written before beginnings were kept is read as ever, without one."""
    clock = FakeClock()

    async def story(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        await client.post("/v1/chat/completions", json=QUESTION)
        await _forget_beginnings(services, day_of(clock.now()))
        return await told(client)

    with FakeProvider() as provider:
        services = build_services(tmp_path, provider, clock=clock)
        (attempt,) = run_with_client(services, story)

    assert attempt["began_ms"] is None
    assert (attempt["provider"], attempt["status"]) == ("one", 200)


async def _forget_beginnings(services: Services, day: str) -> None:
    (row,) = await services.store.query(document_types.records_collection(day))
    tried = [{name: each[name] for name in each if name != "began_ms"} for each in row.body["attempts"]]
    await services.store.write(Put(row.key, {**row.body, "attempts": tried}))


def test_a_clock_that_is_set_back_makes_no_beginning_before_the_request(tmp_path: Path) -> None:
    """No attempt begins before its request, whatever a machine's clock does meanwhile."""

    class Backwards(FakeClock):
        async def sleep(self, seconds: float) -> None:
            self.time -= 60.0

    clock = Backwards()

    async def story(client: httpx.AsyncClient) -> list[dict[str, Any]]:
        await client.post("/v1/chat/completions", json={**QUESTION, "model": "one/gpt-fake"})
        return await told(client)

    with FakeProvider() as provider:
        provider.script("gpt-fake", FAILING, FakeResponse())
        services = build_services(tmp_path, provider, clock=clock)
        attempts = run_with_client(services, story)

    assert [each["began_ms"] for each in attempts] == [0, 0]
