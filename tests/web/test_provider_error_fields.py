"""The fields of a provider's own error, beside its message, that reach the clients of each API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse

OVERLAY = """
providers:
  one: {{base_url: "{url}", local: true}}
  two: {{base_url: "{url}", local: true, dialect: anthropic, auth: {{header: x-api-key}}}}
  three: {{base_url: "{url}", local: true, dialect: gemini}}
"""
KEYS = {"one": "sk-one-0123456789", "two": "sk-two-0123456789", "three": "sk-three-0123456789"}
MODELS = {"one": "one/gpt-fake", "two": "two/claude-fake", "three": "three/gemini-fake"}
TYPE = "type.googleapis.com/google.rpc."
HI = [{"role": "user", "content": "Hi"}]
PATHS = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
    "gemini": "/v1beta/models/{model}:generateContent",
}
SECRET = "sk-ant-0123456789ab"

VIOLATIONS = [{"field": "contents[0].parts[1].inline_data", "description": f"not base64 {SECRET}"}]
BAD_REQUEST = {"@type": f"{TYPE}BadRequest", "fieldViolations": VIOLATIONS}
ERROR_INFO = {
    "@type": f"{TYPE}ErrorInfo",
    "reason": "MEDIA_INVALID",
    "domain": "googleapis.com",
    "metadata": {"service": "generativelanguage.googleapis.com", "consumer": "projects/4711"},
}
HELP = {"@type": f"{TYPE}Help", "links": [{"description": "read", "url": "https://ai.google.dev"}]}
GOOGLE_ERROR = {
    "error": {
        "code": 400,
        "message": "Invalid media.",
        "status": "FAILED_PRECONDITION",
        "details": [BAD_REQUEST, ERROR_INFO, HELP],
    }
}


def quota_failure(period: str) -> dict[str, Any]:
    violation = {
        "subject": "project_number:4711",
        "description": f"limit of {SECRET}",
        "quotaMetric": "generativelanguage.googleapis.com/requests",
        "quotaId": f"GenerateRequests{period}",
        "quotaDimensions": {"model": "gemini-fake"},
        "quotaValue": "50",
    }
    return {"@type": f"{TYPE}QuotaFailure", "violations": [violation]}


def google_limit(period: str, delay: str) -> dict[str, Any]:
    details = [quota_failure(period), {"@type": f"{TYPE}RetryInfo", "retryDelay": delay}]
    return {"error": {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED", "details": details}}


def post(
    folder: Path,
    provider: FakeProvider,
    api: str,
    name: str,
    reply: FakeResponse,
    *,
    stream: bool = False,
) -> httpx.Response:
    """Post a request whose provider answers with `reply`."""
    overlay = folder / "google.yaml"
    overlay.write_text(OVERLAY.format(url=provider.base_url))
    services = build_services(folder, provider, keys=tuple(KEYS.items()), providers_file=overlay)
    provider.script(KEYS[name], reply)
    path = PATHS[api].format(model=MODELS[name])
    body: dict[str, Any] = {"contents": [{"parts": [{"text": "Hi"}]}]}
    if api == "gemini" and stream:
        path = path.replace(":generateContent", ":streamGenerateContent?alt=sse")
    if api != "gemini":
        body = {"model": MODELS[name], "stream": stream}
        body |= {"input": "Hi"} if api == "responses" else {"messages": HI, "max_tokens": 64}

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(path, json=body)

    return run_with_client(services, scenario)


def failing(body: object, status: int = 400) -> FakeResponse:
    return FakeResponse(status=status, body=json.dumps(body).encode(), content_type="application/json")


def details_by_type(response: httpx.Response) -> dict[str, Any]:
    details = response.json()["error"]["details"]
    by_type = {each["@type"].removeprefix(TYPE): each for each in details}
    assert len(by_type) == len(details), "a type occurs once"
    return by_type


def test_n7_googles_details_reach_googles_clients(tmp_path: Path, provider: FakeProvider) -> None:
    """A Gemini provider's details and status replace the gateway's own, redacted and without the project."""
    response = post(tmp_path, provider, "gemini", "three", failing(GOOGLE_ERROR))
    details = details_by_type(response)

    assert response.status_code == 400
    assert response.json()["error"]["status"] == "FAILED_PRECONDITION"
    assert details["BadRequest"]["fieldViolations"][0]["field"] == VIOLATIONS[0]["field"]
    assert details["ErrorInfo"]["reason"] == "MEDIA_INVALID"
    assert details["ErrorInfo"]["metadata"] == {"service": "generativelanguage.googleapis.com"}
    assert details["Help"] == HELP
    assert SECRET not in response.text


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
def test_n7_googles_field_is_the_parameter(api: str, tmp_path: Path, provider: FakeProvider) -> None:
    """Other clients get the first field of the violations as `param`; Anthropic's errors have no field."""
    response = post(tmp_path, provider, api, "three", failing(GOOGLE_ERROR))
    error = response.json()["error"]

    assert response.status_code == 400
    assert error["message"] == "Invalid media."
    assert api == "messages" or error["param"] == VIOLATIONS[0]["field"]
    assert "@type" not in response.text


def test_n7_an_exceeded_quota_keeps_its_id(tmp_path: Path, provider: FakeProvider) -> None:
    """A 429 says which quota of the provider is used up and when to retry, without naming the project."""
    response = post(tmp_path, provider, "gemini", "three", failing(google_limit("PerDay", "33s"), 429))
    details = details_by_type(response)
    [violation] = details["QuotaFailure"]["violations"]

    assert response.status_code == 429
    assert details["RetryInfo"]["retryDelay"] == "33s"
    assert violation == {
        "quotaMetric": "generativelanguage.googleapis.com/requests",
        "quotaId": "GenerateRequestsPerDay",
        "quotaDimensions": {"model": "gemini-fake"},
        "quotaValue": "50",
    }
    assert "4711" not in response.text
    assert SECRET not in response.text


OPENAI_ERROR = {
    "error": {
        "message": "Failed to call a function.",
        "type": "invalid_request_error",
        "param": "tools[0]",
        "code": "tool_use_failed",
        "failed_generation": f"<function=now> {SECRET}",
        "innererror": {"content_filter_result": {"hate": {"filtered": True, "severity": "high"}}},
    }
}


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_e13_further_fields_reach_openais_clients(api: str, tmp_path: Path, provider: FakeProvider) -> None:
    """An OpenAI-style error keeps `param`, `code` and its further fields, redacted."""
    response = post(tmp_path, provider, api, "one", failing(OPENAI_ERROR))
    error = response.json()["error"]

    assert (error["param"], error["code"]) == ("tools[0]", "tool_use_failed")
    assert error["failed_generation"] == "<function=now> [redacted]"
    assert error["innererror"] == OPENAI_ERROR["error"]["innererror"]


def test_e13_a_location_of_fastapi_is_the_parameter(tmp_path: Path, provider: FakeProvider) -> None:
    """Where a provider lists validation errors, the place of the first one is `param`."""
    body = {"detail": [{"loc": ["body", "messages", 0, "content"], "msg": "field required"}]}
    response = post(tmp_path, provider, "chat", "one", failing(body, 422))

    assert response.json()["error"]["param"] == "messages[0].content"


@pytest.mark.parametrize("api", ["chat", "messages", "responses", "gemini"])
def test_e13_a_rejected_key_reveals_nothing(api: str, tmp_path: Path, provider: FakeProvider) -> None:
    """Fields of an error about the provider's key reach no client."""
    error = {"message": "no", "code": "invalid_api_key", "owner": "marker", "details": {"a": "marker"}}
    for name, body in (
        ("one", {"error": error}),
        ("three", {"error": {"message": "no", "details": [{**ERROR_INFO, "reason": "marker"}]}}),
    ):
        assert "marker" not in post(tmp_path, provider, api, name, failing(body, 401)).text


@pytest.mark.parametrize("stream", [False, True])
def test_r20_an_error_inside_a_response_keeps_its_details(
    stream: bool, tmp_path: Path, provider: FakeProvider
) -> None:
    """Anthropic's details and request id survive in an error of a 200 response, buffered and streamed."""
    detail = {"type": "invalid_request_error", "message": "no", "details": {"error_code": "thread_not_found"}}
    error = {"type": "error", "error": detail, "request_id": "req_h4"}
    event = f"event: error\ndata: {json.dumps(error)}\n\n".encode()
    reply = (
        FakeResponse(body=event, content_type="text/event-stream") if stream else failing(error, status=200)
    )
    response = post(tmp_path, provider, "messages", "two", reply, stream=stream)

    assert response.json()["error"]["details"] == {"error_code": "thread_not_found"}
    assert response.json()["request_id"] == "req_h4"


def test_r20_an_error_after_the_first_chunk_keeps_its_details(tmp_path: Path, provider: FakeProvider) -> None:
    """An error event in the middle of a stream keeps the fields that a buffered error has."""
    detail = {"type": "invalid_request_error", "message": "no", "details": {"error_code": "thread_not_found"}}
    error = {"type": "error", "error": detail, "request_id": "req_h4"}
    reply = FakeResponse(after=4, error_event=error)
    text = post(tmp_path, provider, "messages", "two", reply, stream=True).text
    last = json.loads(text.strip().rpartition("data: ")[2])

    assert last["error"]["details"] == {"error_code": "thread_not_found"}
    assert last["request_id"] == "req_h4"


def test_n7_an_error_after_the_first_chunk_keeps_googles_details(
    tmp_path: Path, provider: FakeProvider
) -> None:
    """An error in the middle of Gemini's stream keeps its details."""
    part = {"candidates": [{"content": {"role": "model", "parts": [{"text": "A"}]}, "index": 0}]}
    body = "".join(f"data: {json.dumps(each)}\n\n" for each in (part, GOOGLE_ERROR))
    reply = FakeResponse(body=body.encode(), content_type="text/event-stream")
    text = post(tmp_path, provider, "gemini", "three", reply, stream=True).text
    last = json.loads(text.strip().rpartition("data: ")[2])

    assert {each["@type"].removeprefix(TYPE) for each in last["error"]["details"]} >= {"BadRequest", "Help"}
