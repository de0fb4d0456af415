"""Calls that the provider bills although their response is not the client's: the key pays for them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import ADMIN, bearer, build_services, issue_key, run_with_client, write_overlay
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.gateway.test_compaction import COMPACT, TALK, answer
from tests.web.test_virtual_keys import load_records
from vaultcore.ledger.price_check import PriceChecker
from vaultcore.money import from_usd
from vaultcore.usage.cost import cost_of_detail
from vaultcore.usage.record import Record

DOWN = FakeResponse(503, {"error": {"message": "down"}})
INPUT, OUTPUT = 1_000, 10_000  # nano-dollars per token of `one`, see write_overlay
PRICE = "  two/claude-fake: {input: 1, output: 10}"
SUMMARY_COST = 300 * INPUT + 20 * OUTPUT
ANSWER_COST = 40 * INPUT + 5 * OUTPUT
BODY = {"model": "one/gpt-fake", "max_tokens": 64, "messages": TALK, **COMPACT}
STORES = ("memory:", "sqlite")
CITY = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def reply(text: str, prompt: int, completion: int, *, stream: bool = False) -> FakeResponse:
    whole = answer(text, prompt, completion)
    if not stream:
        return FakeResponse(body=json.dumps(whole).encode())
    choices = [{"index": 0, "delta": whole["choices"][0]["message"], "finish_reason": "stop"}]
    chunk = {**whole, "object": "chat.completion.chunk", "choices": choices}
    body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
    return FakeResponse(body=body, content_type="text/event-stream")


def run_once(
    folder: Path, provider: FakeProvider, store: str, body: dict[str, Any], *, wait: float = 10.0
) -> tuple[httpx.Response | None, int, Record]:
    """Return the response to a new key's request, the nano-dollars of the key, and the record.

    After `wait` seconds the client disconnects: the response is None.
    """
    store = store if store.endswith(":") else f"{store}:{folder / 'state.db'}"
    overlay = folder / "priced.yaml"
    overlay.write_text(write_overlay(folder, provider).read_text() + PRICE)
    services = build_services(folder, provider, backoff=0.001, store=store, providers_file=overlay)

    async def scenario(client: httpx.AsyncClient) -> tuple[httpx.Response | None, int, Record]:
        token = await issue_key(services, credits=from_usd("1"))
        path = "/v1/chat/completions" if "response_format" in body else "/v1/messages"
        sending = asyncio.ensure_future(client.post(path, json=body, headers=bearer(token)))
        done, _ = await asyncio.wait({sending}, timeout=wait)
        if not done:
            sending.cancel()
            await asyncio.wait({sending})
        [record] = await load_records(services)
        listed = (await client.get("/admin/keys", headers=bearer(ADMIN))).json()
        spent = from_usd(str(listed["data"][0]["usage"]["cost_usd"]))
        return (sending.result() if done else None), spent, record

    return run_with_client(services, scenario)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("stream", [False, True])
def test_r29_a_summary_is_charged_if_all_that_follows_fails(
    tmp_path: Path, provider: FakeProvider, stream: bool, store: str
) -> None:
    """The client gets the failure. The key pays for one summary, which every attempt uses."""
    provider.script("gpt-fake", reply("They asked.", 300, 20), *[DOWN] * 10)
    response, spent, record = run_once(tmp_path, provider, store, {**BODY, "stream": stream})

    assert response is not None
    assert response.status_code >= 500
    assert len(record.attempts) > 1
    assert len(provider.requests) == 1 + len(record.attempts)
    assert spent == record.cost == SUMMARY_COST
    assert (record.prompt_tokens, record.completion_tokens) == (300, 20)
    assert (record.provider, record.served) == ("one", "gpt-fake")
    assert PriceChecker(None).check(record) is None


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("stream", [False, True])
def test_r29_a_failover_uses_the_summary_again(
    tmp_path: Path, provider: FakeProvider, stream: bool, store: str
) -> None:
    """If the answer comes from a later attempt, the key pays for one summary and one answer."""
    replies = (reply("They asked.", 300, 20), DOWN, reply("Here it is.", 40, 5, stream=stream))
    provider.script("gpt-fake", *replies)
    response, spent, record = run_once(tmp_path, provider, store, {**BODY, "stream": stream})

    assert response is not None
    assert response.status_code == 200, response
    assert "They asked." in response.text
    assert "They asked." in json.dumps(provider.requests[2].body)
    assert spent == record.cost == SUMMARY_COST + ANSWER_COST == cost_of_detail(record.price)
    assert (record.prompt_tokens, record.completion_tokens) == (340, 25)
    if not stream:
        assert response.headers["x-vaultedge-cost-usd"] == "0.00059"


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("stream", [False, True])
def test_r29_a_summary_is_charged_if_the_client_disconnects(
    tmp_path: Path, provider: FakeProvider, stream: bool, store: str
) -> None:
    """A client that leaves while the answer is awaited pays for the summary."""
    provider.script("gpt-fake", reply("They asked.", 300, 20), FakeResponse(delay=30.0))
    response, spent, record = run_once(tmp_path, provider, store, {**BODY, "stream": stream}, wait=1.5)

    assert response is None
    assert record.status == 499
    assert spent == record.cost == SUMMARY_COST


@pytest.mark.parametrize("store", STORES)
def test_a_rejected_structure_is_charged(tmp_path: Path, provider: FakeProvider, store: str) -> None:
    """The key pays for every whole response that breaks the requested schema."""
    schema = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": CITY}}
    body = {
        "model": "turned",
        "messages": [{"role": "user", "content": "Ulm?"}],
        "max_tokens": 64,
        "response_format": schema,
    }
    provider.script("claude-fake", FakeResponse(text="Ulm is a city.", usage=(30, 6)))
    provider.script("gpt-fake", reply('{"name": "Ulm"}', 40, 5))
    response, spent, record = run_once(tmp_path, provider, store, body)

    assert response is not None
    assert response.status_code == 200, response
    assert (record.prompt_tokens, record.completion_tokens) == (70, 11)
    assert spent == record.cost == cost_of_detail(record.price) == 70 * INPUT + 11 * OUTPUT
    assert (record.provider, record.served) == ("one", "gpt-fake")
