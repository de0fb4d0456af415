"""Providers that answer with `function_call`: clients get it as the call of their own API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse

CALL = {"name": "look", "arguments": '{"at":"sky"}'}
SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
TURN = [{"role": "user", "content": "Look up."}]
FUNCTION = {"name": "look", "parameters": SCHEMA}
GOOGLE = {
    "contents": [{"role": "user", "parts": [{"text": "Look up."}]}],
    "tools": [{"functionDeclarations": [FUNCTION]}],
}
# API -> path, body, and what a response contains that has the call
APIS: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "chat": (
        "/v1/chat/completions",
        {"messages": TURN, "tools": [{"type": "function", "function": FUNCTION}]},
        ('"tool_calls":[{', '"finish_reason":"tool_calls"', '"name":"look"'),
    ),
    "functions": (
        "/v1/chat/completions",
        {"messages": TURN, "functions": [FUNCTION]},
        ('"function_call":{', '"finish_reason":"function_call"', '"name":"look"'),
    ),
    "messages": (
        "/v1/messages",
        {"messages": TURN, "max_tokens": 9, "tools": [{"name": "look", "input_schema": SCHEMA}]},
        ('"type":"tool_use"', '"stop_reason":"tool_use"', '"name":"look"'),
    ),
    "responses": (
        "/v1/responses",
        {"input": "Look up.", "tools": [{"type": "function", **FUNCTION}]},
        ('"type":"function_call"', '"status":"completed"', '"name":"look"'),
    ),
    "gemini": (
        "/v1beta/models/one/gpt-fake:generateContent",
        GOOGLE,
        ('"functionCall":{', '"args":{"at":"sky"}', '"name":"look"'),
    ),
    "gemini streamed": (
        "/v1beta/models/one/gpt-fake:streamGenerateContent",
        GOOGLE,
        ('"functionCall":{', '"args":{"at":"sky"}', '"name":"look"'),
    ),
}


def whole_response() -> FakeResponse:
    message = {"role": "assistant", "content": None, "function_call": CALL}
    choice = {"index": 0, "message": message, "finish_reason": "function_call"}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return FakeResponse(body=json.dumps(body).encode())


def streamed_response() -> FakeResponse:
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": ""}},
        {"function_call": {"arguments": '{"at":'}},
        {"function_call": {"arguments": '"sky"}'}},
    ]
    choices: list[dict[str, Any]] = [{"index": 0, "delta": each, "finish_reason": None} for each in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "function_call"})
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    events = [f"data: {json.dumps({**head, 'choices': [each]})}\n\n" for each in choices]
    return FakeResponse(
        body="".join([*events, "data: [DONE]\n\n"]).encode(), content_type="text/event-stream"
    )


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("api", [name for name in APIS if name != "gemini streamed"])
def test_x4_a_providers_function_call_is_the_clients_call(tmp_path: Path, api: str, stream: bool) -> None:
    """A call in the predecessor's form reaches each client in its own form, with its finish reason."""
    is_google = api == "gemini"
    path, body, parts = APIS["gemini streamed" if is_google and stream else api]
    fields = {} if is_google else {"model": "one/gpt-fake", "stream": stream}
    with FakeProvider() as provider:
        provider.script("sk-one-0123456789", streamed_response() if stream else whole_response())
        services = build_services(tmp_path, provider)

        response = run_with_client(services, lambda client: client.post(path, json={**body, **fields}))

    assert response.status_code == 200, response.text
    text = response.text.replace('": ', '":').replace(", ", ",")
    assert [part for part in parts if part not in text] == []


EMPTY: dict[str, Any] = {"name": "", "arguments": ""}  # Snowflake sends it beside the text


@pytest.mark.parametrize("function", [EMPTY, {"arguments": None}, {}], ids=str)
@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
def test_x4_an_empty_function_call_is_no_call(
    tmp_path: Path, api: str, stream: bool, function: dict[str, Any]
) -> None:
    """A response with an empty `function_call` beside its text has no tool call."""
    message = {"role": "assistant", "content": "Blue.", "function_call": function}
    path, body, _ = APIS[api]
    head = {"id": "c", "created": 1, "model": "m"}
    choice = {"index": 0, "finish_reason": "stop"}
    if stream:
        chunk = {**head, "object": "chat.completion.chunk", "choices": [{**choice, "delta": message}]}
        payload = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
        scripted = FakeResponse(body=payload, content_type="text/event-stream")
    else:
        completion = {**head, "object": "chat.completion", "choices": [{**choice, "message": message}]}
        scripted = FakeResponse(body=json.dumps(completion).encode())
    with FakeProvider() as provider:
        provider.script("sk-one-0123456789", scripted)
        services = build_services(tmp_path, provider)
        fields = {"model": "one/gpt-fake", "stream": stream}

        response = run_with_client(services, lambda client: client.post(path, json={**body, **fields}))

    assert "Blue." in response.text
    for call in ('"tool_calls":[', '"tool_use"', '"type":"function_call"'):
        assert call not in response.text
