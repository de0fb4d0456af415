"""Calls to a provider over real sockets: requests, buffered responses, and faults."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping
from contextlib import aclosing, nullcontext
from typing import Any

import pytest

from tests.fakes.provider import FakeProvider, FakeResponse, closed_port
from tests.upstream.client_setup import (
    DIALECTS,
    KEY,
    REQUEST,
    SHORT,
    TEXT,
    candidate,
    complete,
    request_for,
    stream,
)
from vaultcore.errors import Fault, InvalidRequest, StreamBroken, UpstreamError
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.http1.pool import Pool


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_buffered_response(provider: FakeProvider, dialect: str) -> None:
    """A buffered response is parsed to a chat completion, in each dialect."""
    response = asyncio.run(complete(candidate(provider.base_url, dialect)))

    assert response["choices"][0]["message"]["content"] == TEXT
    assert response["choices"][0]["finish_reason"] == "stop"
    assert response["usage"]["total_tokens"] == 12


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_headers_of_a_request(provider: FakeProvider, dialect: str) -> None:
    """A provider receives constant headers, its row's headers and the key, and no others."""
    asyncio.run(complete(candidate(provider.base_url, dialect, headers={"Acme-Version": "7"})))

    (request,) = provider.requests
    key_header = "x-api-key" if dialect == "anthropic" else "authorization"
    assert set(request.headers) == {
        *("host", "content-length", "content-type", "accept", "accept-encoding", "user-agent"),
        *("acme-version", key_header),
    }
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers[key_header].endswith(KEY)
    assert request.key == KEY


def test_a_local_provider_without_a_key_gets_no_key_header(provider: FakeProvider) -> None:
    """If a local provider has no key, no key header is sent."""
    asyncio.run(complete(candidate(provider.base_url, key="")))

    assert not {"authorization", "x-api-key"} & set(provider.requests[0].headers)


@pytest.mark.parametrize("key", ["sk-a\nb", "sk-\x00", "sk-é", "sk a", "", "sk-\r\nhost: evil"])
def test_a_key_with_invalid_characters_is_not_sent(provider: FakeProvider, key: str) -> None:
    """A key that a header cannot contain is a key fault, and appears in no error."""
    with pytest.raises(UpstreamError) as caught:
        asyncio.run(complete(candidate(provider.base_url.replace("http:", "https:"), key=key, local=False)))

    assert caught.value.fault is Fault.KEY
    assert provider.requests == []
    assert not key or key not in str(caught.value)


FAULT_BY_STATUS = {
    400: Fault.REQUEST,
    401: Fault.KEY,
    402: Fault.KEY,
    403: Fault.KEY,
    404: Fault.MODEL,
    405: Fault.MODEL,
    408: Fault.HOST,
    409: Fault.HOST,
    413: Fault.REQUEST,
    418: Fault.REQUEST,
    422: Fault.REQUEST,
    429: Fault.RATE,
    500: Fault.HOST,
    502: Fault.HOST,
    503: Fault.HOST,
    504: Fault.HOST,
    529: Fault.HOST,
    302: Fault.HOST,
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("call", [complete, stream])
@pytest.mark.parametrize("status", FAULT_BY_STATUS)
def test_e5_each_status_has_a_fault(provider: FakeProvider, status: int, call: Any, dialect: str) -> None:
    """The status decides the fault, and no error shows a key that the provider quoted."""
    provider.script(
        "m", FakeResponse(status=status, headers={"retry-after": "7", "location": "http://x.invalid/"})
    )

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(call(candidate(provider.base_url, dialect)))

    error = caught.value
    assert (error.fault, error.upstream_status) == (FAULT_BY_STATUS[status], status)
    assert (error.provider, error.model, error.retry_after) == ("acme", "m", 7.0)
    assert not isinstance(error, StreamBroken)
    assert KEY not in str(error)
    assert ("scripted" in str(error)) == (error.fault is Fault.REQUEST)
    assert len(provider.requests) == 1


def test_e3_o12_an_exhausted_quota_is_a_key_fault(provider: FakeProvider) -> None:
    """A 429 with the code `insufficient_quota` is a key fault, not a rate limit."""
    provider.script("m", FakeResponse(status=429, code="insufficient_quota"))

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(complete(candidate(provider.base_url)))

    assert caught.value.fault is Fault.KEY


@pytest.mark.parametrize("status", [200, 429])
def test_on_headers_receives_status_and_headers(provider: FakeProvider, status: int) -> None:
    """`on_headers` receives the status and lower-case header names, of error responses too."""
    provider.script("m", FakeResponse(status=status, headers={"X-RateLimit-Remaining-Requests": "3"}))
    observed: list[tuple[str, int]] = []

    def on_headers(headers: Mapping[str, str], code: int) -> None:
        assert all(name == name.lower() for name in headers)
        observed.append((headers["x-ratelimit-remaining-requests"], code))

    with pytest.raises(UpstreamError) if status != 200 else nullcontext():
        asyncio.run(complete(candidate(provider.base_url), on_headers=on_headers))
    assert observed == [("3", status)]


INVALID_RESPONSES = {
    "a web page": FakeResponse(
        body=b"<html><body>busy</body></html>", content_type="text/html; charset=utf-8"
    ),
    "a web page with the content type of JSON": FakeResponse(body=b"<html></html>"),
    "an empty body": FakeResponse(body=b""),
    "truncated JSON": FakeResponse(body=b'{"choices": [{"mess'),
    "another shape": FakeResponse(body=b'{"ok": true}'),
    "q27 no choices": FakeResponse(body=b'{"id": "a", "object": "chat.completion", "choices": []}'),
    "no object": FakeResponse(body=b"[1, 2]"),
    "no JSON": FakeResponse(body=b"upstream connect error"),
    "deep nesting": FakeResponse(body=b"[" * 100_000),
    "an error": FakeResponse(body=b'{"error": {"message": "boom", "type": "server_error"}}'),
    "a content encoding": FakeResponse(headers={"content-encoding": "gzip"}, body=b"\x1f\x8b"),
    "closed before the response": FakeResponse(cut="before"),
    "reset before the response": FakeResponse(cut="before", reset=True),
    "closed after the headers": FakeResponse(cut="headers"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("call", [complete, stream])
@pytest.mark.parametrize("name", INVALID_RESPONSES)
def test_e11_q36_a_200_without_a_completion_is_a_host_fault(
    provider: FakeProvider, name: str, call: Any, dialect: str
) -> None:
    """A 200 whose body is no completion is a host fault, and nothing of it is returned."""
    provider.script("m", INVALID_RESPONSES[name])
    received: list[Any] = []

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(
            call(candidate(provider.base_url, dialect), **({"received": received} if call is stream else {}))
        )

    assert caught.value.fault is Fault.HOST
    assert not isinstance(caught.value, StreamBroken)
    assert received == []
    assert provider.calls("m") == 1


def test_q36_a_truncated_buffered_response(provider: FakeProvider) -> None:
    """A body shorter than its content-length is a host fault."""
    provider.script("m", FakeResponse(cut="middle"))

    with pytest.raises(UpstreamError, match="Acme closed the connection") as caught:
        asyncio.run(complete(candidate(provider.base_url)))

    assert caught.value.fault is Fault.HOST


def test_no_error_or_traceback_shows_the_key(provider: FakeProvider) -> None:
    """No error, exception chain or local variable of a traceback contains the key."""
    cases = [
        FakeResponse(status=401),
        FakeResponse(status=400),
        FakeResponse(status=503),
        FakeResponse(cut="before", reset=True),
        FakeResponse(hang=True),
        FakeResponse(body=b"<"),
    ]
    tracebacks = []
    with closed_port() as refused:
        for call in (complete, stream):
            for base_url, response in [
                *((provider.base_url, case) for case in cases),
                (refused, FakeResponse()),
            ]:
                provider.script("m", response)
                with pytest.raises(UpstreamError) as caught:
                    asyncio.run(call(candidate(base_url)))
                error = caught.value
                assert error.__cause__ is None
                assert error.__context__ is None
                assert error.__traceback__ is not None
                below = error.with_traceback(error.__traceback__.tb_next)  # this frame quotes all others
                trace = traceback.TracebackException.from_exception(below, capture_locals=True)
                tracebacks.append("".join([*trace.format(), repr(error), repr(error.__dict__)]))

    assert all("vaultcore/upstream/client.py" in text for text in tracebacks)
    assert KEY not in "".join(tracebacks)


@pytest.mark.parametrize("content", ["\ud800", float("nan")])
def test_a_request_that_json_cannot_encode_is_rejected(provider: FakeProvider, content: Any) -> None:
    """A request that cannot be encoded as JSON in UTF-8 is rejected, not sent."""

    async def call() -> None:
        async with aclosing(Pool()) as http:
            request = {**REQUEST, "messages": [{"role": "user", "content": "x"}], "user": content}
            at = candidate(provider.base_url)
            await Upstream(http, SHORT).complete(at, request_for(at, request), lambda *_: None)  # type: ignore[arg-type]

    with pytest.raises(InvalidRequest):
        asyncio.run(call())
    assert provider.requests == []
