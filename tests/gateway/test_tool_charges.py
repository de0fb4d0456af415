"""Uses of a provider's own tools are charged, recorded, and hidden from clients, in every client API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dialects.test_tool_uses import CASES, events_of
from tests.fakes.gateway_app import bearer, build_services, issue_key, run_with_client, write_overlay
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.ledger.price_check import PriceChecker
from vaultcore.limits.account import day_of
from vaultcore.money import from_usd
from vaultcore.store import document_types
from vaultcore.usage.record import Record

MODELS = {"openai": "one/gpt-fake", "anthropic": "two/claude-fake", "responses": "three/response-fake"}
OWN = """\
  three: {base_url: "URL", local: true, dialect: responses}
models: {}
prices:
"""
PRICE = "  {model}: {{input: 1, output: 10, web_search: 0.01, file_search: 0.0025, code_execution: 0.03}}\n"
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}
USED = {  # case of a response -> what its tools cost, in US dollars
    "anthropic": "0.02",
    "anthropic, code": "0.03",
    "openai, citations": "0.01",
    "openrouter": "0.03",
    "responses, searches": "0.0225",
    "responses, containers": "0.06",
}


def scripted(case: str, *, streamed: bool) -> FakeResponse:
    """Return the response of a case as the provider sends it."""
    dialect, body, _ = CASES[case]
    if not streamed:
        return FakeResponse(body=json.dumps({"id": "r1", "model": "m", **body}).encode())
    events = [json.loads(event.data) for event in events_of(dialect, body)]
    named = [f"event: {each['type']}\n" if "type" in each else "" for each in events]
    text = "".join(f"{name}data: {json.dumps(each)}\n\n" for name, each in zip(named, events, strict=True))
    end = "data: [DONE]\n\n" if dialect == "openai" else ""
    return FakeResponse(body=(text + end).encode(), content_type="text/event-stream")


def request_body(api: str, dialect: str) -> dict[str, Any]:
    """Return a request with tools of the provider, if this provider can take them from this API."""
    given = {"model": MODELS[dialect], "max_tokens": 1_000, "messages": [{"role": "user", "content": "hi"}]}
    match api:
        case "chat":
            return {**given, "web_search_options": {}}
        case "responses":
            tools = [{"type": "web_search"}, {"type": "code_interpreter"}]
            return {"model": MODELS[dialect], "input": "hi", "tools": tools}
        case _:
            tools = [{"type": "web_search_20250305", "name": "web_search"}]
            return {**given, "tools": tools} if dialect == "anthropic" else given


def run(
    folder: Path, response: FakeResponse, api: str, dialect: str, *, streamed: bool
) -> tuple[str, Record, int]:
    """Return the text that the client receives, the call's record, and what its key has spent."""
    with FakeProvider() as provider:
        provider.script(MODELS[dialect].partition("/")[2], response)
        file, builtin = folder / "own.yaml", write_overlay(folder, provider).read_text()
        own = OWN.replace("URL", provider.base_url)
        own += "".join(PRICE.format(model=model) for model in MODELS.values())
        file.write_text(builtin.partition("models:")[0] + own)
        keys = [(name, f"sk-{name}-0123456789") for name in ("one", "two", "three")]
        services = build_services(folder, provider, keys=keys, providers_file=file)

        async def scenario(client: httpx.AsyncClient) -> tuple[str, Record, int]:
            secret = await issue_key(services, credits=from_usd(1_000))
            body = {**request_body(api, dialect), **({"stream": True} if streamed else {})}
            if streamed and api == "chat":
                body["stream_options"] = {"include_usage": True}
            answer = await client.post(PATHS[api], json=body, headers=bearer(secret))
            assert answer.status_code == 200, answer.text
            key = await client.get("/v1/key", headers=bearer(secret))
            collection = document_types.records_collection(day_of(services.clock.now()))
            (row,) = await services.store.query(collection, limit=9)
            record = Record.unpack(row.body)
            assert PriceChecker(services.catalog).check(record) is None
            return answer.text, record, from_usd(key.json()["usage"]["cost_usd"])

        return run_with_client(services, scenario)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("case", USED)
def test_a_call_is_charged_for_tools(tmp_path: Path, case: str, api: str, streamed: bool) -> None:
    """The record, the account and the ledger's check agree on the cost of tokens and tools."""
    dialect, _, _ = CASES[case]

    text, record, spent = run(tmp_path, scripted(case, streamed=streamed), api, dialect, streamed=streamed)

    expected = from_usd("0.00014") + from_usd("0.0004") + from_usd(USED[case])
    assert (record.cost, spent) == (expected, expected)
    assert record.flags == ()
    assert "tool_uses" not in text


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("case", ["anthropic, unreported", "responses, searches", "openai, citations"])
def test_a_stream_that_breaks_off_is_charged_for_tools(tmp_path: Path, case: str, api: str) -> None:
    """Searches that happened before a stream broke off are charged, beside its estimated tokens."""
    dialect, _, uses = CASES[case]
    whole = scripted(case, streamed=True).body or b""
    parts = whole.split(b"\n\n")[: -3 if dialect == "anthropic" else -2]
    if dialect == "openai":
        parts = whole.split(b"\n\n")[:1]
    broken = FakeResponse(body=b"\n\n".join([*parts, b""]), content_type="text/event-stream")

    text, record, spent = run(tmp_path, broken, api, dialect, streamed=True)

    assert record.price["web_search"][0] == uses["web_search"]
    assert "estimated" in record.flags
    assert spent == record.cost
    assert "tool_uses" not in text
