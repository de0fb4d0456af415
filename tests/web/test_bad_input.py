"""Bad input gets the contract's envelope, and nothing else happens: no provider hears of it."""

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
GOOD: Json = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}


def dumped(**changes: object) -> bytes:
    return json.dumps(
        {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    ).encode()


def call(arguments: object = "{}") -> Json:
    return {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}


BAD: dict[str, tuple[int, str | None, bytes]] = {
    "no json": (400, None, b"{"),
    "empty": (400, None, b""),
    "a list": (400, None, b"[]"),
    "a string": (400, None, b'"model"'),
    "null": (400, None, b"null"),
    "invalid utf-8": (400, None, b'{"model": "\xff"}'),
    "lone surrogate": (400, None, b'{"model": "fast", "messages": [{"role": "user", "content": "\\ud800"}]}'),
    "10,000 deep": (400, None, b'{"model": "fast", "messages": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "model missing": (400, "model", dumped(model=...)),
    "model null": (400, "model", dumped(model=None)),
    "model a number": (400, "model", dumped(model=4)),
    "model a list": (400, "model", dumped(model=["fast"])),
    "model empty": (400, "model", dumped(model="")),
    "model unknown": (404, "model", dumped(model="no-such-model")),
    "model too long": (400, "model", dumped(model="m" * 10_000)),
    "messages missing": (400, "messages", dumped(messages=...)),
    "messages null": (400, "messages", dumped(messages=None)),
    "messages a string": (400, "messages", dumped(messages="hi")),
    "messages empty": (400, "messages", dumped(messages=[])),
    "20,000 messages": (400, "messages", dumped(messages=GOOD["messages"] * 20_000)),
    "message a string": (400, "messages[0]", dumped(messages=["hi"])),
    "role missing": (400, "messages[0].role", dumped(messages=[{"content": "hi"}])),
    "role unknown": (400, "messages[0].role", dumped(messages=[{"role": "boss", "content": "hi"}])),
    "content a number": (400, "messages[0].content", dumped(messages=[{"role": "user", "content": 7}])),
    "stream a string": (400, "stream", dumped(stream="yes")),
    "n zero": (400, "n", dumped(n=0)),
    "n true": (400, "n", dumped(n=True)),
    "max_tokens a string": (400, "max_tokens", dumped(max_tokens="10")),
    "max_tokens negative": (400, "max_tokens", dumped(max_tokens=-1)),
    "temperature a string": (400, "temperature", dumped(temperature="hot")),
    "stop a number": (400, "stop", dumped(stop=3)),
    "tools an object": (400, "tools", dumped(tools={})),
    "tool choice a number": (400, "tool_choice", dumped(tool_choice=1)),
    "response_format a string": (400, "response_format", dumped(response_format="json")),
}


async def post(client: httpx.AsyncClient, body: bytes, headers: dict[str, str]) -> httpx.Response:
    return await client.post("/v1/chat/completions", content=body, headers=headers)


def envelope(response: httpx.Response) -> Json:
    assert response.headers["content-type"] == "application/json"
    error: Json = response.json()["error"]
    assert error.keys() >= {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    return error


@pytest.mark.parametrize("name", BAD)
def test_a_bad_body_is_refused(name: str, tmp_path: Path) -> None:
    """Each bad body gets its status and the name of what is wrong, and no provider is called."""
    status, param, body = BAD[name]
    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, lambda client: post(client, body, JSON))

        assert (response.status_code, envelope(response)["param"]) == (status, param)
        assert provider.requests == []


def test_a_50_mb_body_is_refused(tmp_path: Path) -> None:
    """A body over the limit is refused with 413, announced or not, before it is parsed."""
    body = dumped(messages=[{"role": "user", "content": "x" * 50_000_000}])

    async def pieces():  # type: ignore[no-untyped-def]
        for start in range(0, len(body), 1 << 20):
            yield body[start : start + (1 << 20)]

    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        unannounced = await client.post("/v1/chat/completions", content=pieces(), headers=JSON)
        return [await post(client, body, JSON), unannounced]

    with FakeProvider() as provider:
        for response in run_gateway(tmp_path, provider, story):
            assert response.status_code == 413
            assert envelope(response)["code"] == "request_too_large"
        assert provider.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": ""},
        {**JSON, "content-encoding": "gzip"},
    ],
    ids=str,
)
def test_another_content_type_is_refused(headers: dict[str, str], tmp_path: Path) -> None:
    """Only uncompressed JSON is read; anything else is a 415."""
    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, lambda client: post(client, dumped(), headers))

        assert response.status_code == 415
        assert envelope(response)["code"] == "unsupported_media_type"
        assert provider.requests == []


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_another_method_is_refused(method: str, tmp_path: Path) -> None:
    """A wrong method is a 405 that says which one is right."""
    with FakeProvider() as provider:
        response = run_gateway(
            tmp_path, provider, lambda client: client.request(method, "/v1/chat/completions")
        )

        assert response.status_code == 405
        assert response.headers["allow"] == "POST"
        assert envelope(response)["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/v1/nope", "/v2/chat/completions", "/v1/chat/completions/", "/%00"])
def test_an_unknown_path_is_refused(path: str, tmp_path: Path) -> None:
    """What is not served is a 404 in the envelope, not a redirect and not a page."""
    with FakeProvider() as provider:
        response = run_gateway(tmp_path, provider, lambda client: client.get(path))

        assert response.status_code == 404
        assert envelope(response)["code"] == "not_found"


REFUSED: dict[str, dict[str, str]] = {
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


def test_every_refusal_of_a_key_reads_the_same(tmp_path: Path) -> None:
    """No key, a malformed, an unknown and the admin key are refused byte for byte alike."""

    async def story(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [
            await post(client, dumped(), {**JSON, **{k: v.encode() for k, v in headers.items()}})  # type: ignore[dict-item]
            for headers in REFUSED.values()
        ]

    with FakeProvider() as provider:
        answers = run_gateway(tmp_path, provider, story)

        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1
        assert envelope(answers[0])["code"] == "invalid_api_key"
        assert provider.requests == []


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "api-key"])
def test_a_key_may_come_in_any_of_three_headers(header: str, tmp_path: Path) -> None:
    """OpenAI's, Anthropic's and Azure's way of sending a key all open the door."""
    from tests.fakes.gateway_app import SYSTEM

    value = f"Bearer {SYSTEM}" if header == "authorization" else SYSTEM
    with FakeProvider() as provider:
        story = lambda client: post(client, dumped(), {**JSON, "authorization": "", header: value})  # noqa: E731

        assert run_gateway(tmp_path, provider, story).status_code == 200


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
def test_a_bad_option_is_refused(header: str, value: str, tmp_path: Path) -> None:
    """A header of ours that makes no sense is a 400 that names it."""
    with FakeProvider() as provider:
        response = run_gateway(
            tmp_path, provider, lambda client: post(client, dumped(), {**JSON, header: value})
        )

        assert response.status_code == 400
        assert envelope(response)["param"] == header
        assert provider.requests == []
