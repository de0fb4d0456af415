"""Google's API for clients: native requests, the model in the path, keys, framings and errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import ADMIN, SYSTEM, build_services, issue_key, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.services import Services

OVERLAY = """
providers:
  one: {{base_url: "{url}", local: true}}
  three: {{base_url: "{url}", local: true, dialect: gemini}}
models:
  ahead: {{primary: three/gemini-fake, fallbacks: [one/gpt-fake]}}
prices:
  three/gemini-fake: {{input: 1, output: 10}}
"""
THREE = "sk-three-0123456789"  # Gemini bodies name no model: responses are scripted for the key
HI = [{"role": "user", "parts": [{"text": "Hi"}]}]
NO_HEADERS: Mapping[str, str] = {"authorization": ""}
REPLY = {
    "candidates": [
        {
            "content": {"role": "model", "parts": [{"text": "A", "next_month": {"deep": [1, None]}}]},
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
    "modelVersion": "gemini-fake",
    "future": {"field": True},
}


def services_of(folder: Path, provider: FakeProvider, **more: Any) -> Services:
    """Return services with the providers `one` (OpenAI) and `three` (Gemini)."""
    overlay = folder / "google.yaml"
    overlay.write_text(OVERLAY.format(url=provider.base_url))
    keys = (("one", "sk-one-0123456789"), ("three", THREE))
    return build_services(folder, provider, keys=keys, providers_file=overlay, **more)


def post(
    folder: Path,
    provider: FakeProvider,
    path: str = "/v1beta/models/three/gemini-fake:generateContent",
    headers: Mapping[str, str] | None = None,
    **fields: Any,
) -> httpx.Response:
    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(path, json={"contents": HI, **fields}, headers=dict(headers or {}))

    return run_with_client(services_of(folder, provider), scenario)


def test_n1_native_requests_keep_unknown_fields(tmp_path: Path, provider: FakeProvider) -> None:
    """A provider with the same API gets the client's body; the client gets the provider's response."""
    provider.script(THREE, FakeResponse(body=json.dumps(REPLY).encode()))
    part = {"inline_data": {"mime_type": "image/png", "data": "aGk"}, "from_next_month": 1}
    contents = [{"role": "user", "parts": [part], "aside": 1}]
    fields = {"safetySettings": [{"category": "X"}], "generation_config": {"new": 2}, "labels": {"a": "b"}}
    response = post(tmp_path, provider, contents=contents, **fields)

    assert response.json() == REPLY
    assert provider.requests[-1].body == {"contents": contents, **fields}
    assert provider.requests[-1].path == "/v1/models/gemini-fake:generateContent"
    assert provider.requests[-1].key == THREE


@pytest.mark.parametrize(
    "path",
    [
        "/v1beta/models/one/gpt-fake:generateContent",
        "/v1beta/models/one%2Fgpt-fake:generateContent",
        "/v1beta/models/models/one/gpt-fake:generateContent",
        "/v1/models/one/gpt-fake:generateContent",
        "/models/one/gpt-fake:generateContent",
        "//v1/v1beta/models/one/gpt-fake:generateContent/",
    ],
)
def test_n2_the_path_names_the_model(path: str, tmp_path: Path, provider: FakeProvider) -> None:
    """A model's name may have slashes, escaped or not, and the prefix `models/`; the version may vary."""
    response = post(tmp_path, provider, path)

    assert response.status_code == 200, response.text
    assert provider.requests[-1].body["model"] == "gpt-fake"
    assert response.json()["candidates"][0]["content"]["role"] == "model"


def test_n3_native_streams_keep_every_event(tmp_path: Path, provider: FakeProvider) -> None:
    """A stream of a Gemini provider is forwarded event by event, as events or as one array, and charged."""
    first = {**REPLY, "candidates": [{"content": {"parts": [{"text": "A"}]}, "index": 0}]}
    raw = "".join(f"data: {json.dumps(each)}\r\n\r\n" for each in (first, REPLY))
    reply = FakeResponse(body=raw.encode(), content_type="text/event-stream")
    provider.script(THREE, reply, reply)
    path = "/v1beta/models/three/gemini-fake:streamGenerateContent"
    services = services_of(tmp_path, provider)

    async def scenario(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response, Any]:
        token = await issue_key(services, credits=10**9)
        headers = {"authorization": f"Bearer {token}"}
        events = await client.post(f"{path}?alt=sse", json={"contents": HI}, headers=headers)
        array = await client.post(path, json={"contents": HI}, headers=headers)
        return events, array, (await client.get("/v1/key", headers=headers)).json()

    events, array, key = run_with_client(services, scenario)

    assert events.text == "".join(f"data: {json.dumps(each)}\n\n" for each in (first, REPLY))
    assert array.json() == [first, REPLY]
    assert array.headers["content-type"].startswith("application/json")
    assert key["usage"]["total_tokens"] == 14


@pytest.mark.parametrize("query", ["?alt=sse", ""])
def test_n4_translated_streams_have_no_comments(query: str, tmp_path: Path, provider: FakeProvider) -> None:
    """A stream from another provider is events or an array; a requested report is its last item."""
    path = f"/v1beta/models/one/gpt-fake:streamGenerateContent{query}"
    response = post(tmp_path, provider, path, {"x-vaultedge-explain": "1"}, labels={"a": "b"})

    if query:
        lines = [line for line in response.text.splitlines() if line]
        assert all(line.startswith("data: {") for line in lines)
        items = [json.loads(line.removeprefix("data: ")) for line in lines]
    else:
        items = response.json()
    assert items[-1]["vaultedge"]["translation"][0]["path"] == "labels"
    assert items[-2]["candidates"][0]["finishReason"] == "STOP"
    assert items[-2]["usageMetadata"]["totalTokenCount"]


def test_n5_a_cap_is_set_in_the_native_body(tmp_path: Path, provider: FakeProvider) -> None:
    """A request of a key with credits is capped where Google reads the maximum of tokens, in its spelling."""
    provider.script(THREE, FakeResponse(body=json.dumps(REPLY).encode()))
    services = services_of(tmp_path, provider)

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        token = await issue_key(services, credits=10**6)
        body = {"contents": HI, "generation_config": {"top_k": 3}}
        path = "/v1beta/models/three/gemini-fake:generateContent"
        return await client.post(path, json=body, headers={"authorization": f"Bearer {token}"})

    assert run_with_client(services, scenario).status_code == 200
    config = provider.requests[-1].body["generation_config"]
    assert config.keys() == {"top_k", "maxOutputTokens"}
    assert 0 < config["maxOutputTokens"] < 1_000


def test_n6_tokens_are_counted(tmp_path: Path, provider: FakeProvider) -> None:
    """A Gemini provider counts, with its own name of the model; another provider's count is estimated."""
    provider.script(THREE, FakeResponse(body=b'{"totalTokens": 31, "new": 1}'))
    wrapped = {"model": "models/three/gemini-fake", "contents": HI}
    count = "/v1beta/models/{}:countTokens"
    exact = post(
        tmp_path, provider, count.format("three/gemini-fake"), contents=None, generateContentRequest=wrapped
    )
    sent = provider.requests[-1]
    estimated = post(tmp_path, provider, count.format("one/gpt-fake"))

    assert exact.json() == {"totalTokens": 31, "new": 1}
    assert sent.path == "/v1/models/gemini-fake:countTokens"
    assert sent.body["generateContentRequest"]["model"] == "models/gemini-fake"
    assert estimated.json()["totalTokens"] > 0
    assert estimated.json()["estimated"] is True


def test_n7_errors_have_googles_form(tmp_path: Path, provider: FakeProvider) -> None:
    """Errors of the gateway, of the router and of providers have code, status and details."""
    unknown = post(tmp_path, provider, "/v1beta/models/nope:generateContent").json()["error"]
    no_method = post(tmp_path, provider, "/v1beta/models/three/gemini-fake:predict")
    invalid = post(tmp_path, provider, contents=[]).json()["error"]
    provider.script(THREE, *[FakeResponse(status=429, headers={"retry-after": "7"})] * 9)
    limited = post(tmp_path, provider).json()["error"]

    assert (unknown["code"], unknown["status"]) == (404, "NOT_FOUND")
    assert (no_method.status_code, no_method.json()["error"]["status"]) == (404, "NOT_FOUND")
    assert invalid["status"] == "INVALID_ARGUMENT"
    assert invalid["details"][1]["fieldViolations"][0]["field"] == "contents"
    assert limited["status"] == "RESOURCE_EXHAUSTED"
    details = {each["@type"].rpartition(".")[2]: each for each in limited["details"]}
    assert details["ErrorInfo"]["reason"] == "ALL_PROVIDERS_FAILED"
    assert details["RetryInfo"]["retryDelay"].endswith("s")
    assert "429" in details["DebugInfo"]["stackEntries"][0]


def test_n8_a_fallback_gets_the_translated_request(tmp_path: Path, provider: FakeProvider) -> None:
    """If the Gemini provider fails, another one gets the request translated, with a report."""
    provider.script(THREE, *[FakeResponse(status=503)] * 9)
    response = post(tmp_path, provider, "/v1beta/models/ahead:generateContent", safetySettings=[{"a": 1}])

    assert response.json()["candidates"][0]["finishReason"] == "STOP"
    assert response.headers["x-vaultedge-provider"] == "one"
    assert response.headers["x-vaultedge-translation"] == "1"


@pytest.mark.parametrize(
    "fields", [{"cachedContent": "cachedContents/x"}, {"continuation_token": "YQ=="}], ids=str
)
def test_n9_what_google_has_stored_is_refused(
    fields: dict[str, str], tmp_path: Path, provider: FakeProvider
) -> None:
    """A request whose rest is stored at Google is a 400 elsewhere, which names the client's own field."""
    response = post(tmp_path, provider, "/v1beta/models/one/gpt-fake:generateContent", **fields)

    assert response.status_code == 400
    assert next(iter(fields)) in response.json()["error"]["message"]
    assert provider.requests == []


KEYS = {
    "header": ({"x-goog-api-key": "{key}"}, ""),
    "query": ({}, "?key={key}"),
    "escaped query": ({}, "?alt=json&%6bey={key}"),
    "stale bearer": ({"authorization": "Bearer ya29.stale", "x-goog-api-key": "{key}"}, ""),
    "bad header, good query": ({"x-goog-api-key": "AIzaStale"}, "?key={key}"),
    "good header, bad query": ({"x-api-key": "{key}"}, "?key=AIzaStale"),
}


@pytest.mark.parametrize("case", KEYS)
def test_n10_one_valid_key_suffices(case: str, tmp_path: Path, provider: FakeProvider) -> None:
    """A virtual key is taken from Google's header or, if enabled, from the query, beside invalid keys."""
    headers, query = KEYS[case]
    services = services_of(tmp_path, provider, query_keys=True)

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        token = await issue_key(services)
        fields = {**NO_HEADERS, **{name: value.format(key=token) for name, value in headers.items()}}
        path = f"/v1beta/models/one/gpt-fake:generateContent{query.format(key=token)}"
        return await client.post(path, json={"contents": HI}, headers=fields)

    assert run_with_client(services, scenario).status_code == 200


@pytest.mark.parametrize("key", [SYSTEM, ADMIN])
@pytest.mark.parametrize("path", ["/v1beta/models", "/v1/models", "/admin/keys"])
def test_n11_no_other_key_is_taken_from_the_query(
    key: str, path: str, tmp_path: Path, provider: FakeProvider
) -> None:
    """The query never authenticates the system key or the admin key, and no key outside of /v1beta."""
    services = services_of(tmp_path, provider, query_keys=True)

    async def scenario(client: httpx.AsyncClient) -> list[int]:
        token = await issue_key(services)
        keys = [key] if path == "/v1beta/models" else [key, token]
        return [
            (await client.get(path, params={"key": each}, headers=dict(NO_HEADERS))).status_code
            for each in keys
        ]

    assert set(run_with_client(services, scenario)) == {401}


@pytest.mark.parametrize("enabled", [None, False])
def test_n12_keys_in_the_query_are_off_by_default(
    enabled: bool | None, tmp_path: Path, provider: FakeProvider
) -> None:
    """Without the setting, a key in the query is not accepted."""
    services = services_of(tmp_path, provider, query_keys=enabled)

    async def scenario(client: httpx.AsyncClient) -> int:
        params = {"key": await issue_key(services)}
        return (await client.get("/v1beta/models", params=params, headers=dict(NO_HEADERS))).status_code

    assert run_with_client(services, scenario) == 401


def test_n13_the_admin_key_is_not_read_from_googles_header(tmp_path: Path, provider: FakeProvider) -> None:
    """The admin API takes its key from its own headers only, also beside other keys."""
    services = services_of(tmp_path, provider)

    async def scenario(client: httpx.AsyncClient) -> tuple[int, int]:
        google = {**NO_HEADERS, "x-goog-api-key": ADMIN}
        beside = {"authorization": "Bearer stale", "x-api-key": ADMIN}
        refused = await client.get("/admin/keys", headers=google)
        accepted = await client.get("/admin/keys", headers=beside)
        return refused.status_code, accepted.status_code

    assert run_with_client(services, scenario) == (401, 200)


def test_n21_settings_that_clients_send_by_themselves_are_hints(
    tmp_path: Path, provider: FakeProvider
) -> None:
    """`topK` and thinking, which Gemini CLI sends by itself, are reported at unknown providers, not sent."""
    path = "/v1beta/models/one/gpt-fake:generateContent"
    config = {"topK": 64, "topP": 0.9, "thinkingConfig": {"includeThoughts": True}}
    response = post(tmp_path, provider, path, generationConfig=config)

    assert response.status_code == 200
    assert provider.requests[-1].body.keys().isdisjoint({"top_k", "thinking"})
    assert provider.requests[-1].body["top_p"] == 0.9
    assert response.headers["x-vaultedge-translation"] == "2"
