"""Timeouts, unreachable hosts, and the reuse of connections, over real sockets."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.provider import FakeProvider, FakeResponse, closed_port, unreachable_port
from tests.upstream.client_setup import (
    SHORT,
    TEXT,
    candidate,
    complete,
    request_for,
    stream,
    stream_request_for,
    text,
)
from vaultcore.errors import Fault, UpstreamError
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.http1.pool import Pool

TIMEOUT_CASES = {
    "no response, buffered": (complete, FakeResponse(hang=True), "0.6 s (total)"),
    "no response, streamed": (stream, FakeResponse(hang=True), "0.3 s (first token)"),
    "only pings": (stream, FakeResponse(pings=100, pause=0.02), "0.3 s (first token)"),
    "a stall": (stream, FakeResponse(stall=4), "0.3 s (idle)"),
    "endless": (stream, FakeResponse(text="word " * 1_000, pause=0.02), "2 s (total)"),
}


@pytest.mark.parametrize("name", TIMEOUT_CASES)
def test_each_timeout_ends_the_attempt(provider: FakeProvider, name: str) -> None:
    """Each timeout ends the attempt in time, and its error names the timeout."""
    call, response, timeout = TIMEOUT_CASES[name]
    provider.script("m", response)

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(call(candidate(provider.base_url)))

    assert str(caught.value) == f"Acme timed out after {timeout}"
    assert caught.value.fault is Fault.HOST
    assert caught.value.upstream_status is None


def test_a_stalled_error_body_keeps_the_status(provider: FakeProvider) -> None:
    """The status of an error counts even if its body never arrives."""
    provider.script("m", FakeResponse(status=503, headers={"content-length": "999"}, body=b"{"))

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(complete(candidate(provider.base_url)))

    assert caught.value.upstream_status == 503


@pytest.mark.parametrize("call", [complete, stream])
def test_unreachable_hosts(call: Any) -> None:
    """Unknown hosts, refused connections and connect timeouts are host faults with their own messages."""
    reasons = []
    with closed_port() as refused, unreachable_port() as unreachable:
        for base_url, connect in (("http://nowhere.invalid/v1", 10.0), (refused, 10.0), (unreachable, 0.2)):
            timeouts = replace(SHORT, connect=connect, first_token=20.0, total=20.0)
            with pytest.raises(UpstreamError) as caught:
                asyncio.run(call(candidate(base_url), timeouts))
            reasons.append(str(caught.value))
            assert caught.value.fault is Fault.HOST

    assert reasons == [
        "Acme has a host name that does not resolve",
        "Acme refused the connection",
        "Acme timed out after 0.2 s (connect)",
    ]


def test_connections_are_reused(provider: FakeProvider) -> None:
    """Sequential calls, buffered and streamed, share one connection."""

    async def calls() -> None:
        async with aclosing(Pool()) as http:
            upstream, at = Upstream(http, SHORT), candidate(provider.base_url)
            for _ in range(3):
                await upstream.complete(at, request_for(at), lambda *_: None)
                chunks = upstream.stream(at, stream_request_for(at), lambda *_: None)
                assert text([chunk async for chunk in chunks]) == TEXT

    asyncio.run(calls())
    assert provider.connections == 1


@pytest.mark.parametrize("reset", [False, True])
def test_a_request_that_a_dying_connection_took_is_a_failed_attempt(
    provider: FakeProvider, reset: bool
) -> None:
    """A request that the provider has read on a reused connection is not sent again within its attempt."""
    provider.script("m", FakeResponse(), FakeResponse(stale=True, reset=reset))

    async def calls() -> None:
        async with aclosing(Pool()) as http:
            upstream, at = Upstream(http, SHORT), candidate(provider.base_url)
            await upstream.complete(at, request_for(at), lambda *_: None)
            with pytest.raises(UpstreamError, match="Acme closed the connection") as caught:
                await upstream.complete(at, request_for(at), lambda *_: None)
            assert caught.value.fault is Fault.HOST

    asyncio.run(calls())
    assert provider.connections == 1
    assert provider.calls("m") == 2


def test_a_provider_that_restarts_between_calls(provider: FakeProvider) -> None:
    """Idle connections that the provider has closed are not reused."""

    async def calls() -> None:
        async with aclosing(Pool()) as http:
            upstream, at = Upstream(http, SHORT), candidate(provider.base_url)
            await upstream.complete(at, request_for(at), lambda *_: None)
            await asyncio.to_thread(provider.hang_up)
            await upstream.complete(at, request_for(at), lambda *_: None)

    asyncio.run(calls())
    assert provider.connections == 2


def test_a_stream_closed_early_closes_its_connection(provider: FakeProvider) -> None:
    """Closing a stream before its end closes its connection, which stops the provider."""
    provider.script("m", FakeResponse(text="word " * 1_000, pause=0.01))

    async def calls() -> None:
        async with aclosing(Pool()) as http:
            at = candidate(provider.base_url)
            items = Upstream(http, SHORT).stream(at, stream_request_for(at), lambda *_: None)
            async with aclosing(items):
                await anext(items)
            provider.script("m", FakeResponse())
            assert await Upstream(http, SHORT).complete(at, request_for(at), lambda *_: None)

    asyncio.run(calls())
    assert provider.connections == 2


def test_closing_leaves_no_open_connection(provider: FakeProvider) -> None:
    """A closed client leaves no connection to the garbage collector."""
    asyncio.run(complete(candidate(provider.base_url)))
    provider.script("m", FakeResponse(hang=True))
    with pytest.raises(UpstreamError):
        asyncio.run(stream(candidate(provider.base_url), replace(SHORT, first_token=0.05)))
    gc.collect()
