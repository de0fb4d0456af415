"""The comment that ends a stream for who asked: what it cost, who answered and after how many attempts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import run_gateway, bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeResponse, FakeProvider
from vaultcore.limits.account import day_of
from vaultcore.money import format_usd
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.usage.record import Record

SAID: dict[str, Any] = {"model": "fast", "stream": True}
TURNS = {"messages": [{"role": "user", "content": "hi"}]}
ASKED = {
    "/v1/chat/completions": {**SAID, **TURNS},
    "/v1/messages": {**SAID, **TURNS, "max_tokens": 50},
    "/v1/responses": {**SAID, "input": "hi"},
}
WORDY = {"x-vaultedge-explain": "1"}
OPENING = ": vaultedge "
CHAT = "/v1/chat/completions"


def told(response: httpx.Response) -> Any:
    """What the last line of a stream says. Raises where it is no such comment."""
    *before, last = response.text.rstrip("\n").split("\n\n")
    assert response.text.endswith("\n\n")
    assert last.startswith(OPENING), last
    assert not any(each.startswith(OPENING) for each in before)
    return json.loads(last.removeprefix(OPENING))


async def only(services: Services) -> Record:
    (document,) = await services.store.query(
        document_types.records_collection(day_of(services.clock.now())), limit=9
    )
    return Record.unpack(document.body)


def streamed(folder: Path, provider: FakeProvider, path: str = CHAT, **more: Any) -> tuple[Any, Record]:
    """The comment behind a stream, and the record of it."""
    services = build_services(folder, provider, backoff=0.0)

    async def story(client: httpx.AsyncClient) -> tuple[Any, Record]:
        headers = {**bearer(await issue_key(services, rpm=60)), **WORDY}
        response = await client.post(path, json={**ASKED[path], **more}, headers=headers)
        assert response.status_code == 200, response.text
        return told(response), await only(services)

    return run_with_client(services, story)


@pytest.mark.parametrize("path", ASKED)
def test_a_stream_ends_in_its_cost(path: str, tmp_path: Path) -> None:
    """The cost is the one that was settled, spelt as the header spells it, behind the last event."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(usage=(3, 20)))
        found, record = streamed(tmp_path, provider, path)

    assert found["cost_usd"] == format_usd(3 * 1_000 + 20 * 10_000) == "0.000203"
    assert record.cost == 203_000
    assert (found["provider"], found["model"], found["attempts"]) == ("one", "gpt-fake", 1)
    assert isinstance(found["translation"], list)


def test_what_passes_as_it_came_is_told_too(tmp_path: Path) -> None:
    """A stream in the provider's own words ends in the comment; a price that nobody knows is null."""
    with FakeProvider() as provider:
        provider.script("claude-fake", FakeResponse(usage=(3, 20)))
        found, record = streamed(tmp_path, provider, "/v1/messages", model="two/claude-fake")

    assert found["cost_usd"] is record.cost is None
    assert (found["provider"], found["model"]) == ("two", "claude-fake")


def test_it_tells_of_the_one_who_answered(tmp_path: Path) -> None:
    """After a failover it names the second provider, and counts both attempts."""
    with FakeProvider() as provider:
        provider.script("claude-fake", FakeResponse(status=500))
        found, record = streamed(tmp_path, provider, model="turned")

    assert (found["provider"], found["attempts"]) == ("one", 2) == (record.provider, len(record.attempts))


def test_a_stream_that_breaks_tells_what_it_cost(tmp_path: Path) -> None:
    """What came before it broke was used: the comment has what is charged for it."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(text="word " * 40, cut="middle", after=20))
        found, record = streamed(tmp_path, provider, model="one/gpt-fake")

    assert "broken" in record.flags
    assert record.cost
    assert found["cost_usd"] == format_usd(record.cost)


def test_where_nobody_answers_nothing_was_charged(tmp_path: Path) -> None:
    """A stream that was begun for its silence, and failed, cost nothing and says so."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(status=500, delay=0.2))
        services = build_services(tmp_path, provider, backoff=0.0, max_retries=0, heartbeat=0.05)

        async def story(client: httpx.AsyncClient) -> tuple[Any, Record]:
            body = {**ASKED[CHAT], "model": "one/gpt-fake"}
            return told(await client.post(CHAT, json=body, headers=WORDY)), await only(services)

        found, record = run_with_client(services, story)

    assert (found["cost_usd"], found["attempts"], record.cost) == ("0", 1, 0)


@pytest.mark.parametrize("path", ASKED)
def test_who_does_not_ask_gets_no_comment(path: str, tmp_path: Path) -> None:
    """Without the header a stream has its events and nothing else."""

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(path, json=ASKED[path])

    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, story)

    assert response.status_code == 200
    assert all(line.startswith(("data:", "event:")) for line in response.text.splitlines() if line)
