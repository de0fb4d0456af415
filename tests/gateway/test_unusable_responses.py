"""Responses that a model ends without output: the reason reaches the client, after few attempts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse

KEYS = (("one", "sk-one-0123456789"), ("three", "sk-three-0123456789"))
TURN = [{"role": "user", "content": "Hi"}]
APIS: dict[str, tuple[str, str, dict[str, Any]]] = {  # path, path if streamed, body
    "chat": ("/v1/chat/completions", "/v1/chat/completions", {"messages": TURN}),
    "messages": ("/v1/messages", "/v1/messages", {"messages": TURN, "max_tokens": 9}),
    "responses": ("/v1/responses", "/v1/responses", {"input": "Hi"}),
    "gemini": (
        "/v1beta/models/{model}:generateContent",
        "/v1beta/models/{model}:streamGenerateContent",
        {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
    ),
}
CALLS = {  # reason -> calls of the provider without a fallback
    "MALFORMED_FUNCTION_CALL": 2,
    "MALFORMED_RESPONSE": 2,
    "UNEXPECTED_TOOL_CALL": 2,
    "TOO_MANY_TOOL_CALLS": 1,
    "MISSING_THOUGHT_SIGNATURE": 1,
}


def gemini_response(candidate: dict[str, Any], *, stream: bool) -> FakeResponse:
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 0, "totalTokenCount": 9}
    data = json.dumps({**candidate, "usageMetadata": usage, "modelVersion": "g", "responseId": "r"})
    if stream:
        return FakeResponse(body=f"data: {data}\r\n\r\n".encode(), content_type="text/event-stream")
    return FakeResponse(body=data.encode())


def post(folder: Path, provider: FakeProvider, api: str, model: str, *, stream: bool) -> httpx.Response:
    overlay = folder / "more.yaml"
    overlay.write_text(
        f"""
providers:
  one: {{base_url: "{provider.base_url}", local: true}}
  three: {{base_url: "{provider.base_url}", local: true, dialect: gemini}}
models:
  backed: {{primary: three/gemini-fake, fallbacks: [one/gpt-fake]}}
"""
    )
    services = build_services(folder, provider, keys=KEYS, backoff=0.001, providers_file=overlay)
    whole, streamed, body = APIS[api]
    path = (streamed if stream else whole).format(model=model)
    fields = {} if api == "gemini" else {"model": model, "stream": stream}
    return run_with_client(services, lambda client: client.post(path, json={**body, **fields}))


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("reason", CALLS)
@pytest.mark.parametrize("api", APIS)
def test_gr1_the_reason_reaches_the_client(
    tmp_path: Path, provider: FakeProvider, api: str, reason: str, stream: bool
) -> None:
    """The error names Google's reason and explanation; a conversation at fault is not sent again."""
    candidate = {"candidates": [{"finishReason": reason, "finishMessage": "No such tool: ls"}]}
    provider.script("sk-three-0123456789", gemini_response(candidate, stream=stream))

    response = post(tmp_path, provider, api, "three/gemini-fake", stream=stream)

    assert response.status_code == 502
    assert f"{reason}: No such tool: ls" in response.text
    assert len(provider.requests) == CALLS[reason]
    assert response.headers.get("x-should-retry") == ("false" if CALLS[reason] == 1 else None)


@pytest.mark.parametrize("reason", CALLS)
def test_gr1_a_fallback_answers(tmp_path: Path, provider: FakeProvider, reason: str) -> None:
    """If the primary's model wrote no usable response, the fallback answers at once."""
    candidate = {"candidates": [{"finishReason": reason}]}
    provider.script("sk-three-0123456789", gemini_response(candidate, stream=False))

    response = post(tmp_path, provider, "messages", "backed", stream=False)

    assert response.status_code == 200
    assert response.headers["x-vaultedge-attempts"] == "2"


@pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize(
    ("blocked", "reason"),
    [
        ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, "PROHIBITED_CONTENT"),
        ({"candidates": [{"finishReason": "RECITATION"}]}, "RECITATION"),
    ],
)
def test_gr1_stop_details_name_why_a_response_was_withheld(
    tmp_path: Path, provider: FakeProvider, blocked: dict[str, Any], reason: str, stream: bool
) -> None:
    """Without an explanation, the `stop_details` of a message contain Google's reason."""
    provider.script("sk-three-0123456789", gemini_response(blocked, stream=stream))

    response = post(tmp_path, provider, "messages", "three/gemini-fake", stream=stream)

    assert f"The provider withheld the response: {reason}." in response.text
    assert '"stop_reason":"refusal"' in response.text.replace(": ", ":")
