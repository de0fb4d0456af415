"""Invalid input gets an error in OpenAI's format, and no provider is called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import ADMIN, run_gateway
from tests.fakes.provider import FakeProvider

Json = dict[str, Any]
JSON = {"content-type": "application/json"}
VALID: Json = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}


def dump(**changes: object) -> bytes:
    return json.dumps(
        {name: value for name, value in {**VALID, **changes}.items() if value is not ...}
    ).encode()


def call(arguments: object = "{}") -> Json:
    return {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}


INVALID: dict[str, tuple[int, str | None, bytes]] = {
    "no json": (400, None, b"{"),
    "empty": (400, None, b""),
    "a list": (400, None, b"[]"),
    "a string": (400, None, b'"model"'),
    "null": (400, None, b"null"),
    "invalid utf-8": (400, None, b'{"model": "\xff"}'),
    "lone surrogate": (
        400,
        "messages[0].content",
        b'{"model": "fast", "messages": [{"role": "user", "content": "\\ud800"}]}',
    ),
    "10,000 deep": (400, None, b'{"model": "fast", "messages": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "model missing": (400, "model", dump(model=...)),
    "model null": (400, "model", dump(model=None)),
    "model a number": (400, "model", dump(model=4)),
    "model a list": (400, "model", dump(model=["fast"])),
    "model empty": (400, "model", dump(model="")),
    "model unknown": (404, "model", dump(model="no-such-model")),
    "model too long": (400, "model", dump(model="m" * 10_000)),
    "messages missing": (400, "messages", dump(messages=...)),
    "messages null": (400, "messages", dump(messages=None)),
    "messages a string": (400, "messages", dump(messages="hi")),
    "messages empty": (400, "messages", dump(messages=[])),
    "20,000 messages": (400, "messages", dump(messages=VALID["messages"] * 20_000)),
    "message a string": (400, "messages[0]", dump(messages=["hi"])),
    "role missing": (400, "messages[0].role", dump(messages=[{"content": "hi"}])),
    "role unknown": (400, "messages[0].role", dump(messages=[{"role": "boss", "content": "hi"}])),
    "content a number": (400, "messages[0].content", dump(messages=[{"role": "user", "content": 7}])),
    "stream a string": (400, "stream", dump(stream="yes")),
    "n zero": (400, "n", dump(n=0)),
    "n true": (400, "n", dump(n=True)),
    "max_tokens a string": (400, "max_tokens", dump(max_tokens="10")),
    "max_tokens negative": (400, "max_tokens", dump(max_tokens=-1)),
    "temperature a string": (400, "temperature", dump(temperature="hot")),
    "stop a number": (400, "stop", dump(stop=3)),
    "tools an object": (400, "tools", dump(tools={})),
    "tool choice a number": (400, "tool_choice", dump(tool_choice=1)),
    "response_format a string": (400, "response_format", dump(response_format="json")),
}


async def post(client: httpx.AsyncClient, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return await client.post("/v1/chat/completions", content=body, headers=headers)


def error_of(response: httpx.Response) -> Json:
    assert response.headers["content-type"] == "application/json"
    error: Json = response.json()["error"]
    assert error.keys() >= {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    return error


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_body_is_rejected(name: str, tmp_path: Path) -> None:
    """Each invalid body gets its status and the name of the field, and no provider is called."""
    status, param, body = INVALID[name]
    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, lambda client: post(client, body, JSON))

        assert (response.status_code, error_of(response)["param"]) == (status, param)
        assert provider.requests == []


def test_a_50_mb_body_is_rejected(tmp_path: Path) -> None:
    """A body over the limit is a 413 error before it is parsed, with and without a content-length."""
    body = dump(messages=[{"role": "user", "content": "x" * 50_000_000}])

    async def chunks():  # type: ignore[no-untyped-def]
        for start in range(0, len(body), 1 << 20):
            yield body[start : start + (1 << 20)]

    async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
        unannounced = await client.post("/v1/chat/completions", content=chunks(), headers=JSON)
        return [await post(client, body, JSON), unannounced]

    with FakeProvider() as provider:
        for response in run_gateway(tmp_path, provider, scenario):
            assert response.status_code == 413
            assert error_of(response)["code"] == "request_too_large"
        assert provider.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": ""},
        {**JSON, "content-encoding": "br"},
    ],
    ids=str,
)
def test_other_content_types_are_rejected(headers: dict[str, str], tmp_path: Path) -> None:
    """Only JSON is accepted; anything else is a 415 error."""
    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, lambda client: post(client, dump(), headers))

        assert response.status_code == 415
        assert error_of(response)["code"] == "unsupported_media_type"
        assert provider.requests == []


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_rejected(method: str, tmp_path: Path) -> None:
    """A wrong method is a 405 error with the allowed method."""
    with FakeProvider() as provider:
        response = run_gateway(
            tmp_path, provider, lambda client: client.request(method, "/v1/chat/completions")
        )

        assert response.status_code == 405
        assert response.headers["allow"] == "POST"
        assert error_of(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/v1/nope", "/v2/chat/completions", "/v1/chat", "/%00"])
def test_unknown_paths_are_rejected(path: str, tmp_path: Path) -> None:
    """An unknown path is a 404 error in OpenAI's format, not a redirect and not a page."""
    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, lambda client: client.get(path))

        assert response.status_code == 404
        assert error_of(response)["code"] == "not_found"


INVALID_KEYS: dict[str, dict[str, str]] = {
    "none": {"authorization": ""},
    "empty bearer": {"authorization": "Bearer "},
    "basic": {"authorization": "Basic dmU6"},
    "unknown": {"authorization": "Bearer ve-" + "0" * 40},
    "near miss": {"authorization": "Bearer ve-" + "5" * 39 + "6"},
    "admin key": {"authorization": f"Bearer {ADMIN}"},
    "endless": {"authorization": "Bearer " + "v" * 9_000},
    "not ascii": {"authorization": "Bearer vé-ü"},
    "x-api-key": {"authorization": "", "x-api-key": "ve-nope"},
    "api-key": {"authorization": "", "api-key": "ve-nope"},
}


def test_every_invalid_key_gets_the_same_error(tmp_path: Path) -> None:
    """A missing, malformed or unknown key and the admin key get the same bytes."""

    async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await post(client, dump(), {**JSON, **{k: v.encode() for k, v in headers.items()}})  # type: ignore[dict-item]
            for headers in INVALID_KEYS.values()
        ]

    with FakeProvider() as provider:
        responses = run_gateway(tmp_path, provider, scenario)

        assert {response.status_code for response in responses} == {401}
        assert len({response.content for response in responses}) == 1
        assert error_of(responses[0])["code"] == "invalid_api_key"
        assert provider.requests == []


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "api-key"])
def test_a_key_is_accepted_in_three_headers(header: str, tmp_path: Path) -> None:
    """The headers of OpenAI's, Anthropic's and Azure's clients authenticate."""
    from tests.fakes.gateway_app import SYSTEM

    value = f"Bearer {SYSTEM}" if header == "authorization" else SYSTEM
    with FakeProvider() as provider:
        scenario = lambda client: post(client, dump(), {**JSON, "authorization": "", header: value})  # noqa: E731

        assert run_gateway(tmp_path, provider, scenario).status_code == 200


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-vaultedge-routing-strategy", "dearest"),
        ("x-vaultedge-max-key-retries", "-1"),
        ("x-vaultedge-max-key-retries", "many"),
        ("x-vaultedge-max-key-retries", "9" * 40),
        ("x-vaultedge-backoff-delay", "1e9"),
    ],
)
def test_an_invalid_option_is_rejected(header: str, value: str, tmp_path: Path) -> None:
    """An invalid x-vaultedge header is a 400 error that names it."""
    with FakeProvider() as provider:
        response = run_gateway(
            tmp_path, provider, lambda client: post(client, dump(), {**JSON, header: value})
        )

        assert response.status_code == 400
        assert error_of(response)["param"] == header
        assert provider.requests == []
