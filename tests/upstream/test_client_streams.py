"""Streamed responses over real sockets: how they start, break and end."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from tests.fakes.provider import FakeProvider, FakeResponse
from tests.upstream.client_setup import (
    DIALECTS,
    KEY,
    TEXT,
    candidate,
    stream,
    text,
)
from vaultcore.errors import Fault, StreamBroken, UpstreamError
from vaultcore.settings import Timeouts


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_streamed_response(provider: FakeProvider, dialect: str) -> None:
    """A streamed response yields chunks, with a finish reason and usage."""
    chunks = asyncio.run(stream(candidate(provider.base_url, dialect)))

    assert text(chunks) == TEXT
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "stop"
    assert [chunk["usage"]["total_tokens"] for chunk in chunks if chunk.get("usage")][-1] == 12


EMPTY_STREAMS = {
    "nothing": FakeResponse(body=b"", content_type="text/event-stream"),
    "only [DONE]": FakeResponse(body=b"data: [DONE]\n\n", content_type="text/event-stream"),
    "only comments": FakeResponse(body=b": hi\n\n: there\n\n", content_type="text/event-stream"),
    "invalid JSON": FakeResponse(body=b"data: {]\n\n", content_type="text/event-stream"),
    "an error first": FakeResponse(after=0, error_event={"error": {"message": "no", "type": "api_error"}}),
    "only a role": FakeResponse(after=1, cut="middle"),
}


@pytest.mark.parametrize("name", EMPTY_STREAMS)
def test_a_stream_that_fails_before_content_is_not_started(provider: FakeProvider, name: str) -> None:
    """A stream that fails before its first content raises UpstreamError, so that it can be retried."""
    provider.script("m", EMPTY_STREAMS[name])
    received: list[Any] = []

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(stream(candidate(provider.base_url), received=received))

    assert caught.value.fault is Fault.HOST
    assert not isinstance(caught.value, StreamBroken)
    assert received == []


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("reset", [False, True])
def test_a_stream_that_breaks_after_content(provider: FakeProvider, dialect: str, reset: bool) -> None:
    """A stream that breaks after its first content raises StreamBroken, after the chunks so far."""
    provider.script("m", FakeResponse(after=4, cut="middle", reset=reset, pause=0.02))
    received: list[Any] = []

    with pytest.raises(StreamBroken) as caught:
        asyncio.run(stream(candidate(provider.base_url, dialect), received=received))

    assert TEXT.startswith(text(received))
    assert text(received)
    assert caught.value.fault is Fault.HOST


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_error_event_in_the_middle_of_a_stream(provider: FakeProvider, dialect: str) -> None:
    """An error event after content raises StreamBroken, which does not quote the key."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": f"bad {KEY}"}}
    provider.script("m", FakeResponse(after=4, error_event=error, pause=0.02))
    received: list[Any] = []

    with pytest.raises(StreamBroken) as caught:
        asyncio.run(stream(candidate(provider.base_url, dialect), received=received))

    assert text(received)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_without_a_finish_reason_is_broken(provider: FakeProvider, dialect: str) -> None:
    """A stream that HTTP completes without a finish reason raises StreamBroken."""
    provider.script("m", FakeResponse(after=4, fade=True))
    received: list[Any] = []

    with pytest.raises(StreamBroken, match="without a finish reason"):
        asyncio.run(stream(candidate(provider.base_url, dialect), received=received))

    assert text(received)


def test_a_json_response_to_a_stream_request(provider: FakeProvider) -> None:
    """A provider that ignores `stream` is supported: its JSON body is returned as chunks."""
    provider.script("m", FakeResponse(ignore_stream=True))

    chunks = asyncio.run(stream(candidate(provider.base_url)))

    assert text(chunks) == TEXT
    assert chunks[-1]["usage"]["total_tokens"] == 12


def test_a_stream_that_stays_open_after_its_end(provider: FakeProvider) -> None:
    """After the end of a stream the gateway does not wait for the connection to close."""
    provider.script("m", FakeResponse(linger=True))
    start = time.monotonic()

    assert text(asyncio.run(stream(candidate(provider.base_url), Timeouts()))) == TEXT
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("response", [FakeResponse(stall=7), FakeResponse(after=7, cut="middle", pause=0.01)])
def test_a_finished_response_ignores_a_lost_connection(
    provider: FakeProvider, response: FakeResponse
) -> None:
    """A connection that fails after the finish reason does not fail the response."""
    provider.script("m", response)

    assert text(asyncio.run(stream(candidate(provider.base_url)))) == TEXT
