"""`POST /v1/moderations` with virtual keys: limits, allowlists and usage records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import bearer, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.limits.account import day_of
from vaultcore.services import Services
from vaultcore.store import document_types
from vaultcore.usage.record import Record

MODEL = "omni-moderation-latest"
BODY = {"id": "modr-1", "model": MODEL, "results": [{"flagged": True, "categories": {"violence": True}}]}


def openai_services(folder: Path, provider: FakeProvider) -> Services:
    """Return services whose provider `openai` is a fake one."""
    provider.script(MODEL, FakeResponse(body=json.dumps(BODY).encode()))
    file = folder / "own.yaml"
    file.write_text(f'providers: {{openai: {{base_url: "{provider.base_url}", local: true}}}}')
    keys = [("openai", "sk-0123456789abcdef")]
    return build_services(folder, provider, keys=keys, providers_file=file)


async def moderate(client: httpx.AsyncClient, token: str, **body: Any) -> httpx.Response:
    return await client.post("/v1/moderations", json={"input": "hello, you", **body}, headers=bearer(token))


def test_a_key_with_a_money_limit_can_use_the_default_model(tmp_path: Path) -> None:
    """The default model has the price 0, so that keys with credits may use it; the record has the path."""
    with FakeProvider() as provider:
        services = openai_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> tuple[httpx.Response, list[Record]]:
            response = await moderate(client, await issue_key(services, credits=1))
            collection = document_types.records_collection(day_of(services.clock.now()))
            documents = await services.store.query(collection, limit=9)
            return response, [Record.unpack(document.body) for document in documents]

        response, (record,) = run_with_client(services, scenario)

    assert response.status_code == 200, response.text
    assert response.json() == BODY
    assert (record.path, record.model, record.served) == ("/v1/moderations", MODEL, MODEL)
    assert (record.cost, record.prompt_tokens, record.completion_tokens) == (0, 3, 0)


def test_a_token_quota_applies(tmp_path: Path) -> None:
    """A request that may use more tokens than the quota has is rejected before a provider is called."""
    with FakeProvider() as provider:
        services = openai_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
            token = await issue_key(services, tokens=1_000)
            image = {"type": "image_url", "image_url": {"url": "https://images.test/a.png"}}
            inputs = ["word", ["word"] * 3, "word " * 1_000, ["word " * 100] * 10, [image]]
            return [await moderate(client, token, input=value) for value in inputs]

        responses = run_with_client(services, scenario)

    assert [response.status_code for response in responses][2:] == [429, 429, 429]
    assert responses[0].status_code == 200
    assert responses[1].status_code == 502  # the fake provider returns one result for three inputs
    assert {response.json()["error"]["code"] for response in responses[2:]} == {"quota_exceeded"}


@pytest.mark.parametrize("path", ["/v1/moderations", "/moderations"])
def test_the_allowlist_applies(path: str, tmp_path: Path) -> None:
    """A key that may not use the default model gets a 403 error, with and without /v1."""
    with FakeProvider() as provider:
        services = openai_services(tmp_path, provider)

        async def scenario(client: httpx.AsyncClient) -> httpx.Response:
            token = await issue_key(services, models=("gpt-4o",))
            return await client.post(path, json={"input": "a"}, headers=bearer(token))

        response = run_with_client(services, scenario)

    assert response.status_code == 403
    assert provider.requests == []
