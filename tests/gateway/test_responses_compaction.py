"""Compaction of a Responses conversation: by the provider, or by a summary that the gateway seals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai.types.responses import CompactedResponse, Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse

SUMMARY = "The user builds a boat; the hull is done."
USER = {"role": "user", "content": "Build a boat."}
CALL = {"type": "function_call", "call_id": "c1", "name": "saw", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "sawn"}
TOOL = {"type": "function", "name": "saw", "parameters": {"type": "object", "properties": {}}}
ITEMS: list[dict[str, Any]] = [USER, CALL, OUTPUT]
TRIGGER = {"type": "compaction_trigger"}
MODELS = ("one/gpt-fake", "two/claude-fake")
EVENT: Any = TypeAdapter(ResponseStreamEvent)


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake_provider:
        fake_provider.script("gpt-fake", FakeResponse(text=SUMMARY))
        fake_provider.script("claude-fake", FakeResponse(text=SUMMARY))
        yield fake_provider


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    response = await client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response


async def compact(client: httpx.AsyncClient, model: str, form: str) -> tuple[list[Any], Any]:
    """Return the output of a compaction in one of its three forms, and its usage."""
    if form == "endpoint":
        response = await post(client, "/v1/responses/compact", model=model, input=ITEMS)
        compacted = CompactedResponse.construct(**response.json())
        assert compacted.object == "response.compaction"
        return response.json()["output"], compacted.usage
    fields = {"model": model, "input": [*ITEMS, TRIGGER], "tools": [TOOL]}
    if form == "whole":
        body = (await post(client, "/v1/responses", **fields)).json()
        return body["output"], Response.model_validate(body).usage
    response = await post(client, "/v1/responses", **fields, stream=True)
    events = [json.loads(line[5:]) for line in response.text.splitlines() if line.startswith("data:")]
    for event in events:
        EVENT.validate_python(event)
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    last = events[-1]["response"]
    assert done == last["output"]
    return last["output"], Response.model_validate(last).usage


@pytest.mark.parametrize("form", ["whole", "streamed", "endpoint"])
@pytest.mark.parametrize("model", MODELS)
def test_p14_a_compaction_is_one_item_that_any_model_reads(
    tmp_path: Path, provider: FakeProvider, model: str, form: str
) -> None:
    """The model's summary comes back as one sealed item, is charged, and reaches later models as text."""

    async def scenario(client: httpx.AsyncClient) -> tuple[list[Any], Any]:
        output, usage = await compact(client, model, form)
        for later in MODELS:
            await post(
                client, "/v1/responses", model=later, input=[*output, {"role": "user", "content": "On."}]
            )
        return output, usage

    output, usage = run_with_client(build_services(tmp_path, provider), scenario)

    first_request, *later_requests = (request.raw.decode() for request in provider.requests)
    kinds = [(item["type"], item.get("role")) for item in output]
    assert kinds == [*([("message", "user")] if form == "endpoint" else []), ("compaction", None)]
    assert SUMMARY not in json.dumps(output)
    assert (usage.input_tokens, usage.output_tokens) == (7, 5)
    assert "Summarize this conversation" in first_request
    assert all(SUMMARY in body and "ve2." not in body for body in later_requests)


def test_p14_a_compaction_is_for_one_key(tmp_path: Path, provider: FakeProvider) -> None:
    """Another key of the gateway cannot open it: the request is a 400 that names the item."""

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        output, _ = await compact(client, MODELS[0], "whole")
        sealed = output[0]["encrypted_content"]
        changed = {"type": "compaction", "encrypted_content": sealed[:-8] + sealed[-8:][::-1]}
        return await client.post("/v1/responses", json={"model": MODELS[0], "input": [USER, changed]})

    response = run_with_client(build_services(tmp_path, provider), scenario)

    assert (response.status_code, response.json()["error"]["param"]) == (400, "input[1].content[0]")


def test_p14_a_foreign_compaction_is_refused(tmp_path: Path, provider: FakeProvider) -> None:
    """The rest of the conversation is in an item that only its issuer reads: no other model is asked."""

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        item = {"type": "compaction", "encrypted_content": "gAAAA"}
        return await client.post("/v1/responses", json={"model": MODELS[0], "input": [item, USER]})

    response = run_with_client(build_services(tmp_path, provider), scenario)

    assert response.status_code == 400
    assert "input[0]" in response.json()["error"]["message"]
    assert provider.requests == []


def test_p14_a_trigger_ends_the_input(tmp_path: Path, provider: FakeProvider) -> None:
    """A trigger that is not the last item is a 400, as at OpenAI."""

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/v1/responses", json={"model": MODELS[0], "input": [TRIGGER, USER]})

    response = run_with_client(build_services(tmp_path, provider), scenario)

    assert (response.status_code, response.json()["error"]["param"]) == (400, "input[0]")


def test_p15_input_tokens_are_estimated_elsewhere(tmp_path: Path, provider: FakeProvider) -> None:
    """A provider without the endpoint gets no request; the response says that the count is an estimate."""

    async def scenario(client: httpx.AsyncClient) -> dict[str, Any]:
        response = await post(client, "/v1/responses/input_tokens", model=MODELS[1], input=ITEMS)
        return dict(response.json())

    body = run_with_client(build_services(tmp_path, provider), scenario)

    assert (body["object"], body["estimated"]) == ("response.input_tokens", True)
    assert body["input_tokens"] > 0
    assert provider.requests == []
