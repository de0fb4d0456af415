"""Parts of errors that clients act on: retry hints, ids, and the details of a provider's own error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import run_gateway
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.client_apis import chat, messages
from vaultcore.errors import CreditsExhausted, GatewayError, LimitExceeded
from vaultcore.web.reply import error_response

HI = [{"role": "user", "content": "Hi"}]
PATHS = ("/v1/messages", "/v1/chat/completions", "/v1/responses")


def post(folder: Path, provider: FakeProvider, path: str = "/v1/messages", **options: Any) -> httpx.Response:
    body = {"model": "two/claude-fake", "max_tokens": 64, "messages": HI, "input": "Hi"}
    body |= options.pop("fields", {})

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(path, json=body, headers=options.get("headers", {}))

    return run_gateway(folder, provider, scenario)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({"model": ""}, {}, 400),
        ({}, {"authorization": "Bearer ve-wrong"}, 401),
        ({"model": "nobody/serves-this"}, {}, 404),
    ],
)
def test_e12_final_errors_say_so(
    tmp_path: Path, provider: FakeProvider, path: str, fields: Any, headers: Any, status: int
) -> None:
    """A 400, 401 or 404 tells SDKs and Claude Code that a repetition does not help."""
    response = post(tmp_path, provider, path, fields=fields, headers=headers)

    assert response.status_code == status
    assert response.headers["x-should-retry"] == "false"


def test_e12_a_failed_provider_may_be_retried(tmp_path: Path, provider: FakeProvider) -> None:
    """An error that may pass has no such header."""
    provider.script("claude-fake", FakeResponse(status=500))

    assert "x-should-retry" not in post(tmp_path, provider).headers


def test_r20_a_providers_error_keeps_what_sdks_act_on(tmp_path: Path, provider: FakeProvider) -> None:
    """An Anthropic provider's error keeps `details` and `request_id`, without anything like a key."""
    details = {
        "error_code": "thread_unsupported_request",
        "unsupported": ["mcp"],
        "note": "sk-ant-0123456789ab",
    }
    error = {"type": "invalid_request_error", "message": "no thread", "details": details}
    body = {"type": "error", "error": error, "request_id": "req_h4"}
    provider.script("claude-fake", FakeResponse(status=400, body=json.dumps(body).encode()))
    response = post(tmp_path, provider)

    assert response.status_code == 400
    assert response.json()["request_id"] == "req_h4"
    assert response.json()["error"]["details"]["error_code"] == "thread_unsupported_request"
    assert response.json()["error"]["details"]["unsupported"] == ["mcp"]
    assert "sk-ant-0123456789ab" not in response.text


@pytest.mark.parametrize("status", [404, 409])
def test_r20_a_lost_thread_is_not_retried(tmp_path: Path, provider: FakeProvider, status: int) -> None:
    """A thread that the provider does not find is the client's to send again: no other key or provider."""
    details = {"error_code": "thread_not_found"}
    error = {"type": "not_found_error", "message": "no such thread", "details": details}
    body = {"type": "error", "error": error}
    provider.script("claude-fake", FakeResponse(status=status, body=json.dumps(body).encode()))
    thread = {"type": "continue", "previous_message_id": "msg_1"}
    response = post(tmp_path, provider, fields={"model": "turned", "thread": thread})

    assert response.status_code == status
    assert response.json()["error"]["details"] == details
    assert len(provider.requests) == 1


def test_r21_messages_have_both_request_ids(tmp_path: Path, provider: FakeProvider) -> None:
    """Anthropic's SDKs read `request-id`; it equals `x-request-id`, also on errors."""
    for fields in ({}, {"model": ""}):
        response = post(tmp_path, provider, fields=fields)

        assert response.headers["request-id"] == response.headers["x-request-id"]
    assert "request-id" not in post(tmp_path, provider, "/v1/chat/completions").headers


@pytest.mark.parametrize(
    "error",
    [
        CreditsExhausted("Credits used up."),
        LimitExceeded("Quota reached.", lasting=True, code="quota_exceeded"),
        LimitExceeded("Budget reached.", lasting=True, code="budget_exceeded", retry_after=60.0),
    ],
    ids=lambda error: error.code,
)
def test_r28_a_used_up_budget_is_a_billing_error(error: GatewayError) -> None:
    """Claude Code gets a 429 `billing_error` with `retry-after`; other APIs keep their statuses."""
    response, chat_response = error_response(error, messages), error_response(error, chat)

    assert response.status == 429
    assert json.loads(bytes(response.body))["error"]["type"] == "billing_error"
    assert response.headers["retry-after"] == ("60" if error.retry_after else "3600")
    assert response.headers["x-should-retry"] == "false"
    assert chat_response.status == error.status
    assert chat_response.headers["x-should-retry"] == "false"


def test_r28_a_rate_limit_may_be_retried() -> None:
    """A rate limit passes by itself."""
    response = error_response(LimitExceeded("Rate limit reached.", retry_after=3.0), messages)

    assert (response.status, response.headers["retry-after"]) == (429, "3")
    assert json.loads(bytes(response.body))["error"]["type"] == "rate_limit_error"
    assert "x-should-retry" not in response.headers
