"""The comment at the end of a stream: cost, provider and number of attempts, if the client requests it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import bearer, build_services, issue_key, run_gateway, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.limits.account import day_of
from vaultcore.money import format_usd
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.usage.record import Record

STREAMED: dict[str, Any] = {"model": "fast", "stream": True}
MESSAGES = {"messages": [{"role": "user", "content": "hi"}]}
BODIES = {
    "/v1/chat/completions": {**STREAMED, **MESSAGES},
    "/v1/messages": {**STREAMED, **MESSAGES, "max_tokens": 50},
    "/v1/responses": {**STREAMED, "input": "hi"},
}
EXPLAIN = {"x-vaultedge-explain": "1"}
PREFIX = ": vaultedge "
CHAT = "/v1/chat/completions"


def final_comment(response: httpx.Response) -> Any:
    """Return the JSON of a stream's last comment, and fail if there is none or more than one."""
    *before, last = response.text.rstrip("\n").split("\n\n")
    assert response.text.endswith("\n\n")
    assert last.startswith(PREFIX), last
    assert not any(each.startswith(PREFIX) for each in before)
    return json.loads(last.removeprefix(PREFIX))


async def load_record(services: Services) -> Record:
    (document,) = await services.store.query(
        document_types.records_collection(day_of(services.clock.now())), limit=9
    )
    return Record.unpack(document.body)


def run_stream(folder: Path, provider: FakeProvider, path: str = CHAT, **more: Any) -> tuple[Any, Record]:
    """Run a streamed request; return its final comment and its usage record."""
    services = build_services(folder, provider, backoff=0.0)

    async def scenario(client: httpx.AsyncClient) -> tuple[Any, Record]:
        headers = {**bearer(await issue_key(services, rpm=60)), **EXPLAIN}
        response = await client.post(path, json={**BODIES[path], **more}, headers=headers)
        assert response.status_code == 200, response.text
        return final_comment(response), await load_record(services)

    return run_with_client(services, scenario)


@pytest.mark.parametrize("path", BODIES)
def test_a_stream_ends_with_its_cost(path: str, tmp_path: Path) -> None:
    """After the last event comes the settled cost, formatted like the header of other responses."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(usage=(3, 20)))
        comment, record = run_stream(tmp_path, provider, path)

    assert comment["cost_usd"] == format_usd(3 * 1_000 + 20 * 10_000) == "0.000203"
    assert record.cost == 203_000
    assert (comment["provider"], comment["model"], comment["attempts"]) == ("one", "gpt-fake", 1)
    assert isinstance(comment["translation"], list)


def test_a_native_stream_ends_with_the_comment(tmp_path: Path) -> None:
    """A forwarded stream ends with the comment, too; the cost of a model without a price is null."""
    with FakeProvider() as provider:
        provider.script("claude-fake", FakeResponse(usage=(3, 20)))
        comment, record = run_stream(tmp_path, provider, "/v1/messages", model="two/claude-fake")

    assert comment["cost_usd"] is record.cost is None
    assert (comment["provider"], comment["model"]) == ("two", "claude-fake")


def test_the_comment_names_the_final_provider(tmp_path: Path) -> None:
    """After a fallback the comment names the second provider and counts both attempts."""
    with FakeProvider() as provider:
        provider.script("claude-fake", FakeResponse(status=500))
        comment, record = run_stream(tmp_path, provider, model="turned")

    assert (comment["provider"], comment["attempts"]) == ("one", 2) == (record.provider, len(record.attempts))


def test_a_broken_stream_has_its_cost(tmp_path: Path) -> None:
    """The text before the failure is charged, and the comment has this cost."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(text="word " * 40, cut="middle", after=20))
        comment, record = run_stream(tmp_path, provider, model="one/gpt-fake")

    assert "broken" in record.flags
    assert record.cost
    assert comment["cost_usd"] == format_usd(record.cost)


def test_a_failed_stream_costs_nothing(tmp_path: Path) -> None:
    """A stream that was started by a keep-alive comment and then failed has the cost 0."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(status=500, delay=0.2))
        services = build_services(tmp_path, provider, backoff=0.0, max_retries=0, heartbeat=0.05)

        async def scenario(client: httpx.AsyncClient) -> tuple[Any, Record]:
            body = {**BODIES[CHAT], "model": "one/gpt-fake"}
            return final_comment(await client.post(CHAT, json=body, headers=EXPLAIN)), await load_record(
                services
            )

        comment, record = run_with_client(services, scenario)

    assert (comment["cost_usd"], comment["attempts"], record.cost) == ("0", 1, 0)


@pytest.mark.parametrize("path", BODIES)
def test_no_comment_without_the_header(path: str, tmp_path: Path) -> None:
    """Without x-vaultedge-explain a stream has only its events."""

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(path, json=BODIES[path])

    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, scenario)

    assert response.status_code == 200
    assert all(line.startswith(("data:", "event:")) for line in response.text.splitlines() if line)
