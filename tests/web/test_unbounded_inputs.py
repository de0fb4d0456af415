"""Inputs whose size is unknown before the request, through the whole gateway, for every client API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import ADMIN, SYSTEM, bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.admission.caller import account
from vaultcore.limits.account import Account, day_of
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.usage.record import Record
from vaultcore.usage.request_estimate import UNKNOWN_WINDOW

FILE = {"type": "file", "file": {"file_id": "file-1"}}
DOCUMENT = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
REQUESTS: dict[str, tuple[str, dict[str, Any], str]] = {  # path, body, path of the input
    "chat": (
        "/v1/chat/completions",
        {"model": "fast", "max_tokens": 20, "messages": [{"role": "user", "content": [FILE]}]},
        "messages[0].content[0].file.file_id",
    ),
    "messages": (
        "/v1/messages",
        {"model": "turned", "max_tokens": 20, "messages": [{"role": "user", "content": [DOCUMENT]}]},
        "messages[0].content[0].source.file_id",
    ),
    "responses": (
        "/v1/responses",
        {
            "model": "fast",
            "max_output_tokens": 20,
            "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}],
        },
        "input[0].content[0].file_id",
    ),
    "unknown field": (
        "/v1/messages",
        {"model": "turned", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}], "turbo": 3},
        "turbo",
    ),
    "search": (
        "/v1/chat/completions",
        {
            "model": "fast",
            "max_tokens": 20,
            "messages": [{"role": "user", "content": "hi"}],
            "web_search_options": {},
        },
        "web_search_options",
    ),
}
HI = {"model": "fast", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}
RESERVED = UNKNOWN_WINDOW + 20  # tokens: the window of a model that the catalog does not know, and the output
Scenario = Callable[[httpx.AsyncClient, str], Awaitable[list[httpx.Response]]]


def run(
    folder: Path, usage: tuple[int, int], scenario: Scenario, **key: Any
) -> tuple[list[httpx.Response], Account, list[Record]]:
    """Run a scenario with a key; return its responses, the key's account and the records."""
    with FakeProvider() as provider:
        for model in ("gpt-fake", "claude-fake"):
            provider.script(model, FakeResponse(usage=usage))
        services = build_services(folder, provider)

        async def with_key(client: httpx.AsyncClient) -> tuple[list[httpx.Response], Account, list[Record]]:
            token = await issue_key(services, **key)
            responses = await scenario(client, token)
            (stored,) = await services.keys.all()
            (balance,) = await services.store.accounts(account(stored.id))
            return responses, balance, await load_records(services)

        result = run_with_client(services, with_key)
    assert len(provider.requests) == sum(response.status_code == 200 for response in result[0])
    return result


async def load_records(services: Services) -> list[Record]:
    collection = document_types.records_collection(day_of(services.clock.now()))
    return [Record.unpack(document.body) for document in await services.store.query(collection, limit=1_000)]


def posts(name: str, count: int = 1) -> Scenario:
    """Return a scenario that sends a request several times, one after the other."""

    async def scenario(client: httpx.AsyncClient, token: str) -> list[httpx.Response]:
        path, body, _ = REQUESTS[name]
        return [await client.post(path, json=body, headers=bearer(token)) for _ in range(count)]

    return scenario


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        *((name, {"tokens": 100_000}) for name in REQUESTS),
        # The fake Anthropic model, which `messages` uses, has no price.
        *(
            (name, {limit: 50_000_000})
            for name in REQUESTS
            if REQUESTS[name][0] != "/v1/messages"
            for limit in ("credits", "day")
        ),
    ],
)
def test_a_reservation_above_the_limit_is_refused(name: str, limit: dict[str, Any], tmp_path: Path) -> None:
    """The most that a model can take is reserved: with $0.05 or 100,000 tokens none of 50 requests passes."""

    async def scenario(client: httpx.AsyncClient, token: str) -> list[httpx.Response]:
        path, body, _ = REQUESTS[name]
        calls = [client.post(path, json=body, headers=bearer(token)) for _ in range(50)]
        return list(await asyncio.gather(*calls))

    responses, balance, _ = run(tmp_path, (10_000_000, 5), scenario, **limit)

    assert {response.status_code for response in responses} == {402 if "credits" in limit else 429}
    assert (balance.tokens, balance.nanos) == (0, 0)


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("limit", [RESERVED - 1, RESERVED])
def test_the_window_and_the_output_are_reserved(name: str, limit: int, tmp_path: Path) -> None:
    """A request passes if the context window and its output fit the quota, and is charged what it used."""
    responses, balance, stored = run(tmp_path, (1_500_000, 5), posts(name), tokens=limit)

    fits = limit == RESERVED
    assert [response.status_code for response in responses] == [200 if fits else 429]
    assert balance.tokens == balance.tokens_held == (1_500_005 if fits else 0)
    assert not any("implausible" in each.flags for each in stored)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_operator_can_allow_an_overshoot(name: str, tmp_path: Path) -> None:
    """With `allow` one answer passes and is charged in full; then the key is below zero and refused."""
    responses, balance, stored = run(
        tmp_path, (1_500_000, 5), posts(name, 3), tokens=100_000, unbounded_inputs="allow"
    )

    assert [response.status_code for response in responses] == [200, 429, 429]
    assert balance.tokens == 1_500_005
    assert [each.prompt_tokens for each in stored if each.status == 200] == [1_500_000]


def test_credits_below_zero_refuse(tmp_path: Path) -> None:
    """A settlement above its reservation makes the balance negative; the next request gets a 402."""
    responses, balance, stored = run(
        tmp_path, (1_500_000, 5), posts("chat", 3), credits=50_000_000, unbounded_inputs="allow"
    )

    assert [response.status_code for response in responses] == [200, 402, 402]
    assert balance.nanos == 1_500_000 * 1_000 + 5 * 10_000
    assert [each.cost for each in stored if each.status == 200] == [balance.nanos]


def test_the_turns_of_a_search_are_charged(tmp_path: Path) -> None:
    """A search lets the model run many times: 10,000,000 tokens are charged in full, not as one window."""
    responses, balance, _ = run(tmp_path, (10_000_000, 5), posts("search", 2), tokens=RESERVED)

    assert [response.status_code for response in responses] == [200, 429]
    assert balance.tokens == 10_000_005


@pytest.mark.parametrize("key", [{"tokens": RESERVED}, {"tokens": 100_000, "unbounded_inputs": "allow"}])
def test_impossible_usage_costs_the_most_that_is_possible(key: dict[str, Any], tmp_path: Path) -> None:
    """More than window and longest output costs the window and the output, and uses up the key."""
    responses, balance, stored = run(tmp_path, (10_000_000, 5), posts("chat", 2), **key)

    assert [response.status_code for response in responses] == [200, 429]
    assert balance.tokens == RESERVED
    assert [each.flags for each in stored if each.status == 200] == [("implausible",)]


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("limits", [{}, {"tokens": 10**9}])
def test_the_operator_can_deny(name: str, limits: dict[str, Any], tmp_path: Path) -> None:
    """With `deny` the key may not use such inputs, limited or not; the error names the input. Text passes."""

    async def scenario(client: httpx.AsyncClient, token: str) -> list[httpx.Response]:
        responses = await posts(name)(client, token)
        return [*responses, await client.post("/v1/chat/completions", json=HI, headers=bearer(token))]

    (denied, allowed), _, _ = run(tmp_path, (5, 5), scenario, unbounded_inputs="deny", **limits)

    assert (denied.status_code, allowed.status_code) == (403, 200)
    error = denied.json()["error"]
    assert REQUESTS[name][2] in error["message"]
    assert error["type"] == "permission_error"
    if REQUESTS[name][0] != "/v1/messages":  # whose errors have no such fields
        assert (error["param"], error["code"]) == (REQUESTS[name][2], "unbounded_input")


@pytest.mark.parametrize("limits", [{}, {"tpm": 10_000}, {"rpm": 10, "parallel": 2}])
def test_nothing_changes_without_a_lasting_limit(limits: dict[str, Any], tmp_path: Path) -> None:
    """Keys without quota, credits and budget are not limited by the size of a context window."""
    responses, balance, _ = run(tmp_path, (1_500_000, 5), posts("chat"), **limits)

    assert [response.status_code for response in responses] == [200]
    assert balance.tokens == 1_500_005


def test_the_system_key_is_not_limited(tmp_path: Path) -> None:
    """The system key can use every input."""

    async def scenario(client: httpx.AsyncClient, _token: str) -> list[httpx.Response]:
        return await posts("chat")(client, SYSTEM)

    responses, _, stored = run(tmp_path, (1_500_000, 5), scenario)

    assert [response.status_code for response in responses] == [200]
    assert [each.prompt_tokens for each in stored] == [1_500_000]


def test_reported_counts_are_in_the_log(tmp_path: Path) -> None:
    """`/admin/logs` has the flag and the provider's counts of a call that was not charged by them."""

    async def scenario(client: httpx.AsyncClient, token: str) -> list[httpx.Response]:
        responses = await posts("chat")(client, token)
        logs = await client.get("/admin/logs", headers=bearer(ADMIN))
        (row,) = [each for each in logs.json()["data"] if each["status"] == 200]
        assert row["flags"] == ["implausible"]
        assert row["reported_usage"].items() >= {"prompt_tokens": 10**12, "completion_tokens": 5}.items()
        return responses

    run(tmp_path, (10**12, 5), scenario)
