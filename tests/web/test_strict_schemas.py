"""Schemas of clients whose API enforces them, on their way to an OpenAI-style provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import run_gateway
from tests.fakes.provider import FakeProvider, FakeResponse

TEXT = {"type": "string"}
REQUIRED = {"type": "object", "properties": {"a": TEXT}, "required": ["a"]}
OPTIONAL = {"type": "object", "properties": {"a": TEXT, "b": TEXT}, "required": ["a"]}
GOOGLE = "/v1beta/models/one/gpt-fake:generateContent"


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as running:
        running.script("gpt-fake", FakeResponse(text='{"a": "x"}'))
        yield running


def request_of(api: str, schema: object) -> tuple[str, dict[str, Any]]:
    if api == "gemini":
        config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
        return GOOGLE, {"contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": config}
    output_format = {"type": "json_schema", "schema": schema}
    messages = [{"role": "user", "content": "Hi"}]
    if api == "responses":
        text = {"format": {"name": "answer", "strict": True, **output_format}}
        return "/v1/responses", {"model": "one/gpt-fake", "input": "Hi", "text": text}
    if api == "chat":
        described = {"name": "answer", "strict": True, "schema": schema}
        response_format = {"type": "json_schema", "json_schema": described}
        body = {"model": "one/gpt-fake", "messages": messages, "response_format": response_format}
        return "/v1/chat/completions", body
    old, current = {"output_format": output_format}, {"output_config": {"format": output_format}}
    fields = old if api == "messages, beta" else current
    return "/v1/messages", {"model": "one/gpt-fake", "max_tokens": 99, "messages": messages, **fields}


def send(folder: Path, provider: FakeProvider, api: str, schema: object) -> tuple[httpx.Response, Any]:
    path, body = request_of(api, schema)

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(path, json=body)

    response = run_gateway(folder, provider, scenario)
    return response, provider.requests[-1].body["response_format"]["json_schema"]


@pytest.mark.parametrize("api", ["messages", "messages, beta", "gemini"])
def test_o4_a_schema_is_enforced(api: str, tmp_path: Path, provider: FakeProvider) -> None:
    """A schema with a strict form is sent with `strict`, without a report."""
    response, sent = send(tmp_path, provider, api, REQUIRED)

    assert response.status_code == 200, response.text
    assert sent["strict"] is True
    assert sent["schema"] == {**REQUIRED, "additionalProperties": False}
    assert "x-vaultedge-translation" not in response.headers


@pytest.mark.parametrize("api", ["messages", "messages, beta", "gemini"])
def test_o4_an_optional_property_is_no_error(api: str, tmp_path: Path, provider: FakeProvider) -> None:
    """A schema without a strict form is sent as it is, without `strict`, which is reported."""
    response, sent = send(tmp_path, provider, api, OPTIONAL)

    assert response.status_code == 200, response.text
    assert sent["strict"] is False
    assert sent["schema"] == OPTIONAL
    assert response.headers["x-vaultedge-translation"] == "1"


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_o4_openais_clients_decide_themselves(api: str, tmp_path: Path, provider: FakeProvider) -> None:
    """A strict schema of a client of OpenAI's API is sent as it is: these clients know the rules."""
    _, sent = send(tmp_path, provider, api, OPTIONAL)

    assert (sent["strict"], sent["schema"]) == (True, OPTIONAL)
