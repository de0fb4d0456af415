from __future__ import annotations

import asyncio
import gc
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes.provider import FakeResponse, FakeProvider, closed_port, unreachable_port
from vaultcore.catalog.schema import Auth, Model, Provider, Target
from vaultcore.errors import Fault, InvalidRequest, StreamBroken, UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.settings import Timeouts
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.provider_request import ProviderRequest, render
from vaultcore.vault.keyring import Credential
from vaultcore.wire import ChatRequest

KEY = "sk-marker-0123456789abcdef"
REQUEST: ChatRequest = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
SHORT = Timeouts(connect=0.2, first_token=0.3, idle=0.3, total=0.6, stream=2.0)
DIALECTS = ("openai", "anthropic")
TEXT = "Hello from a fake provider."


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as running:
        yield running


def candidate(base_url: str, dialect: str = "openai", key: str = KEY, **row: Any) -> Candidate:
    auth = Auth("x-api-key", "") if dialect == "anthropic" else Auth()
    row = {"local": True, "auth": auth, "title": "Acme", **row}
    return Candidate(
        Target(Provider("acme", base_url, dialect=dialect, **row), Model("m", max_output_tokens=100)),
        Credential("acme", key),
    )


def plain(at: Candidate, request: ChatRequest = REQUEST) -> ProviderRequest:
    return render(at.target, request)


def streamed(at: Candidate) -> ProviderRequest:
    return render(at.target, {**REQUEST, "stream": True})


async def complete(at: Candidate, timeouts: Timeouts = SHORT, heard: Any = lambda *_: None) -> Any:
    async with Pool() as http:
        return (await Upstream(http, timeouts).complete(at, plain(at), heard)).completion


async def stream(at: Candidate, timeouts: Timeouts = SHORT, said: list[Any] | None = None) -> list[Any]:
    chunks = [] if said is None else said
    async with Pool() as http:
        upstream = Upstream(http, timeouts)
        async with aclosing(upstream.stream(at, streamed(at), lambda *_: None)) as answer:
            async for chunk in answer:
                chunks.append(chunk)
    return chunks


def text(chunks: list[Any]) -> str:
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.get("choices", [])
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_answer(provider: FakeProvider, dialect: str) -> None:
    """A buffered answer comes back as a chat completion, whatever the provider speaks."""
    answer = asyncio.run(complete(candidate(provider.base_url, dialect)))

    assert answer["choices"][0]["message"]["content"] == TEXT
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["total_tokens"] == 12


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_streamed_answer(provider: FakeProvider, dialect: str) -> None:
    """A streamed answer comes chunk by chunk, with its reason to finish and its usage."""
    chunks = asyncio.run(stream(candidate(provider.base_url, dialect)))

    assert text(chunks) == TEXT
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] == "stop"
    assert [chunk["usage"]["total_tokens"] for chunk in chunks if chunk.get("usage")][-1] == 12


@pytest.mark.parametrize("dialect", DIALECTS)
def test_headers_are_constants_and_the_key(provider: FakeProvider, dialect: str) -> None:
    """A provider receives our constant headers, its row's, and the key in the row's header: no more."""
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


def test_a_local_provider_without_a_key_is_sent_none(provider: FakeProvider) -> None:
    """Where a local row has no key, no header for one is sent."""
    asyncio.run(complete(candidate(provider.base_url, key="")))

    assert not {"authorization", "x-api-key"} & set(provider.requests[0].headers)


@pytest.mark.parametrize("key", ["sk-a\nb", "sk-\x00", "sk-é", "sk a", "", "sk-\r\nhost: evil"])
def test_a_key_that_no_header_can_carry(provider: FakeProvider, key: str) -> None:
    """Such a key is the key's fault; it is neither sent nor shown."""
    with pytest.raises(UpstreamError) as caught:
        asyncio.run(complete(candidate(provider.base_url.replace("http:", "https:"), key=key, local=False)))

    assert caught.value.fault is Fault.KEY
    assert provider.requests == []
    assert not key or key not in str(caught.value)


FAULTS = {
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
@pytest.mark.parametrize("status", FAULTS)
def test_e5_every_status_has_its_fault(provider: FakeProvider, status: int, call: Any, dialect: str) -> None:
    """A status says whose fault it was, and no text of the error shows the key that the provider echoed."""
    provider.script("m", FakeResponse(status=status, headers={"retry-after": "7", "location": "http://x.invalid/"}))

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(call(candidate(provider.base_url, dialect)))

    error = caught.value
    assert (error.fault, error.upstream_status) == (FAULTS[status], status)
    assert (error.provider, error.model, error.retry_after) == ("acme", "m", 7.0)
    assert not isinstance(error, StreamBroken)
    assert KEY not in str(error)
    assert ("scripted" in str(error)) == (error.fault is Fault.REQUEST)
    assert len(provider.requests) == 1


def test_e3_o12_quota_used_up_is_the_keys_fault(provider: FakeProvider) -> None:
    """A 429 that says the account is out of money is about the key, not about its rate."""
    provider.script("m", FakeResponse(status=429, code="insufficient_quota"))

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(complete(candidate(provider.base_url)))

    assert caught.value.fault is Fault.KEY


@pytest.mark.parametrize("status", [200, 429])
def test_headers_are_heard_at_once(provider: FakeProvider, status: int) -> None:
    """Whoever listens is told status and headers in lower case, of errors too."""
    provider.script("m", FakeResponse(status=status, headers={"X-RateLimit-Remaining-Requests": "3"}))
    told: list[tuple[str, int]] = []

    def heard(headers: Mapping[str, str], code: int) -> None:
        assert all(name == name.lower() for name in headers)
        told.append((headers["x-ratelimit-remaining-requests"], code))

    with pytest.raises(UpstreamError) if status != 200 else aclosing_nothing():
        asyncio.run(complete(candidate(provider.base_url), heard=heard))
    assert told == [("3", status)]


def aclosing_nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


NO_ANSWERS = {
    "a web page": FakeResponse(body=b"<html><body>busy</body></html>", content_type="text/html; charset=utf-8"),
    "a web page that says it is JSON": FakeResponse(body=b"<html></html>"),
    "an empty body": FakeResponse(body=b""),
    "half an answer": FakeResponse(body=b'{"choices": [{"mess'),
    "another shape": FakeResponse(body=b'{"ok": true}'),
    "q27 no choices": FakeResponse(body=b'{"id": "a", "object": "chat.completion", "choices": []}'),
    "no object": FakeResponse(body=b"[1, 2]"),
    "no JSON": FakeResponse(body=b"upstream connect error"),
    "deep nesting": FakeResponse(body=b"[" * 100_000),
    "an error": FakeResponse(body=b'{"error": {"message": "boom", "type": "server_error"}}'),
    "an encoding": FakeResponse(headers={"content-encoding": "gzip"}, body=b"\x1f\x8b"),
    "a cut before the answer": FakeResponse(cut="before"),
    "a reset before the answer": FakeResponse(cut="before", reset=True),
    "a cut after the headers": FakeResponse(cut="headers"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("call", [complete, stream])
@pytest.mark.parametrize("name", NO_ANSWERS)
def test_e11_q36_a_200_that_is_no_answer(provider: FakeProvider, name: str, call: Any, dialect: str) -> None:
    """What is no answer is the host's fault, and nothing of it has been passed on."""
    provider.script("m", NO_ANSWERS[name])
    said: list[Any] = []

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(call(candidate(provider.base_url, dialect), **({"said": said} if call is stream else {})))

    assert caught.value.fault is Fault.HOST
    assert not isinstance(caught.value, StreamBroken)
    assert said == []
    assert provider.calls("m") == 1


def test_q36_a_whole_answer_cut_in_the_middle(provider: FakeProvider) -> None:
    """Fewer bytes than the headers promised are no answer."""
    provider.script("m", FakeResponse(cut="middle"))

    with pytest.raises(UpstreamError, match="Acme closed the connection") as caught:
        asyncio.run(complete(candidate(provider.base_url)))

    assert caught.value.fault is Fault.HOST


NO_STREAMS = {
    "nothing": FakeResponse(body=b"", content_type="text/event-stream"),
    "only its end": FakeResponse(body=b"data: [DONE]\n\n", content_type="text/event-stream"),
    "only comments": FakeResponse(body=b": hi\n\n: there\n\n", content_type="text/event-stream"),
    "junk": FakeResponse(body=b"data: {]\n\n", content_type="text/event-stream"),
    "an error first": FakeResponse(after=0, error_event={"error": {"message": "no", "type": "api_error"}}),
    "a role and no more": FakeResponse(after=1, cut="middle"),
}


@pytest.mark.parametrize("name", NO_STREAMS)
def test_a_stream_that_never_begins(provider: FakeProvider, name: str) -> None:
    """A stream that breaks before it says anything has not begun: another attempt can still mend it."""
    provider.script("m", NO_STREAMS[name])
    said: list[Any] = []

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(stream(candidate(provider.base_url), said=said))

    assert caught.value.fault is Fault.HOST
    assert not isinstance(caught.value, StreamBroken)
    assert said == []


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("reset", [False, True])
def test_a_stream_cut_in_the_middle(provider: FakeProvider, dialect: str, reset: bool) -> None:
    """A stream that breaks off after its first chunk says so, after all that came."""
    provider.script("m", FakeResponse(after=4, cut="middle", reset=reset, pause=0.02))
    said: list[Any] = []

    with pytest.raises(StreamBroken) as caught:
        asyncio.run(stream(candidate(provider.base_url, dialect), said=said))

    assert TEXT.startswith(text(said))
    assert text(said)
    assert caught.value.fault is Fault.HOST


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_error_in_the_middle_of_a_stream(provider: FakeProvider, dialect: str) -> None:
    """An error event in a stream that has begun breaks it, and does not show the key it quotes."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": f"bad {KEY}"}}
    provider.script("m", FakeResponse(after=4, error_event=error, pause=0.02))
    said: list[Any] = []

    with pytest.raises(StreamBroken) as caught:
        asyncio.run(stream(candidate(provider.base_url, dialect), said=said))

    assert text(said)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_that_only_ends(provider: FakeProvider, dialect: str) -> None:
    """A stream that ends well as far as HTTP goes, but gave no reason to finish, is a broken one."""
    provider.script("m", FakeResponse(after=4, fade=True))
    said: list[Any] = []

    with pytest.raises(StreamBroken, match="without a finish reason"):
        asyncio.run(stream(candidate(provider.base_url, dialect), said=said))

    assert text(said)


def test_a_json_answer_to_a_stream_request(provider: FakeProvider) -> None:
    """A provider that ignores `stream` is understood all the same."""
    provider.script("m", FakeResponse(ignore_stream=True))

    chunks = asyncio.run(stream(candidate(provider.base_url)))

    assert text(chunks) == TEXT
    assert chunks[-1]["usage"]["total_tokens"] == 12


def test_a_stream_that_stays_open_after_its_end(provider: FakeProvider) -> None:
    """Once a stream has said that it is over, nobody waits for its connection."""
    provider.script("m", FakeResponse(linger=True))
    began = time.monotonic()

    assert text(asyncio.run(stream(candidate(provider.base_url), Timeouts()))) == TEXT
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("answer", [FakeResponse(stall=7), FakeResponse(after=7, cut="middle", pause=0.01)])
def test_an_answer_that_has_finished_cannot_break(provider: FakeProvider, answer: FakeResponse) -> None:
    """What happens to a connection after the reason to finish is nobody's concern."""
    provider.script("m", answer)

    assert text(asyncio.run(stream(candidate(provider.base_url)))) == TEXT


TOO_SLOW = {
    "no answer, whole": (complete, FakeResponse(hang=True), "0.6 s (total)"),
    "no answer, streamed": (stream, FakeResponse(hang=True), "0.3 s (first token)"),
    "only pings": (stream, FakeResponse(pings=100, pause=0.02), "0.3 s (first token)"),
    "a stop half way": (stream, FakeResponse(stall=4), "0.3 s (idle)"),
    "slow for ever": (stream, FakeResponse(text="word " * 1_000, pause=0.02), "2 s (total)"),
}


@pytest.mark.parametrize("name", TOO_SLOW)
def test_what_takes_too_long(provider: FakeProvider, name: str) -> None:
    """Every timer ends the attempt in its own name and by its own time."""
    call, answer, told = TOO_SLOW[name]
    provider.script("m", answer)

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(call(candidate(provider.base_url)))

    assert str(caught.value) == f"Acme timed out after {told}"
    assert caught.value.fault is Fault.HOST
    assert caught.value.upstream_status is None


def test_a_hanging_error_body_still_tells_its_status(provider: FakeProvider) -> None:
    """The status of an error counts, even where its body never comes."""
    provider.script("m", FakeResponse(status=503, headers={"content-length": "999"}, body=b"{"))

    with pytest.raises(UpstreamError) as caught:
        asyncio.run(complete(candidate(provider.base_url)))

    assert caught.value.upstream_status == 503


@pytest.mark.parametrize("call", [complete, stream])
def test_places_that_cannot_be_reached(call: Any) -> None:
    """No name, nobody listening and no way there are told apart, and all are the host's fault."""
    told = []
    with closed_port() as refused, unreachable_port() as nowhere:
        for base_url, connect in (("http://nowhere.invalid/v1", 10.0), (refused, 10.0), (nowhere, 0.2)):
            patient = replace(SHORT, connect=connect, first_token=20.0, total=20.0)
            with pytest.raises(UpstreamError) as caught:
                asyncio.run(call(candidate(base_url), patient))
            told.append(str(caught.value))
            assert caught.value.fault is Fault.HOST

    assert told == [
        "Acme has a host name that does not resolve",
        "Acme refused the connection",
        "Acme timed out after 0.2 s (connect)",
    ]


def test_connections_are_used_again(provider: FakeProvider) -> None:
    """Calls one after the other, whole or streamed to the end, share one connection."""

    async def calls() -> None:
        async with Pool() as http:
            upstream, at = Upstream(http, SHORT), candidate(provider.base_url)
            for _ in range(3):
                await upstream.complete(at, plain(at), lambda *_: None)
                chunks = upstream.stream(at, streamed(at), lambda *_: None)
                assert text([chunk async for chunk in chunks]) == TEXT

    asyncio.run(calls())
    assert provider.connections == 1


@pytest.mark.parametrize("reset", [False, True])
def test_a_dead_kept_connection_is_replaced_once(provider: FakeProvider, reset: bool) -> None:
    """A kept connection that dies without a byte of an answer costs nobody an attempt."""
    provider.script("m", FakeResponse(), FakeResponse(stale=True, reset=reset))

    async def calls() -> None:
        async with Pool() as http:
            upstream, at = Upstream(http, SHORT), candidate(provider.base_url)
            for _ in range(2):
                await upstream.complete(at, plain(at), lambda *_: None)

    asyncio.run(calls())
    assert provider.connections == 2
    assert provider.calls("m") == 3


def test_a_provider_that_restarts_between_calls(provider: FakeProvider) -> None:
    """Kept connections that a provider has closed are not used again."""

    async def calls() -> None:
        async with Pool() as http:
            upstream, at = Upstream(http, SHORT), candidate(provider.base_url)
            await upstream.complete(at, plain(at), lambda *_: None)
            await asyncio.to_thread(provider.hang_up)
            await upstream.complete(at, plain(at), lambda *_: None)

    asyncio.run(calls())
    assert provider.connections == 2


def test_a_stream_left_early_closes_its_connection(provider: FakeProvider) -> None:
    """Whoever stops reading ends the provider's work: nothing is left running."""
    provider.script("m", FakeResponse(text="word " * 1_000, pause=0.01))

    async def calls() -> None:
        async with Pool() as http:
            at = candidate(provider.base_url)
            answer = Upstream(http, SHORT).stream(at, streamed(at), lambda *_: None)
            async with aclosing(answer):
                await anext(answer)
            provider.script("m", FakeResponse())
            assert await Upstream(http, SHORT).complete(at, plain(at), lambda *_: None)

    asyncio.run(calls())
    assert provider.connections == 2


def test_no_failure_shows_the_key(provider: FakeProvider) -> None:
    """Neither a failure nor anything on its chain, printed with all locals, holds the key."""
    cases = [
        FakeResponse(status=401),
        FakeResponse(status=400),
        FakeResponse(status=503),
        FakeResponse(cut="before", reset=True),
        FakeResponse(hang=True),
        FakeResponse(body=b"<"),
    ]
    printed = []
    with closed_port() as refused:
        for call in (complete, stream):
            for base_url, answer in [*((provider.base_url, case) for case in cases), (refused, FakeResponse())]:
                provider.script("m", answer)
                with pytest.raises(UpstreamError) as caught:
                    asyncio.run(call(candidate(base_url)))
                error = caught.value
                assert error.__cause__ is None
                assert error.__context__ is None
                assert error.__traceback__ is not None
                below = error.with_traceback(error.__traceback__.tb_next)  # this frame quotes all others
                whole = traceback.TracebackException.from_exception(below, capture_locals=True)
                printed.append("".join([*whole.format(), repr(error), repr(error.__dict__)]))

    assert all("vaultcore/upstream/client.py" in text for text in printed)
    assert KEY not in "".join(printed)


@pytest.mark.parametrize("content", ["\ud800", float("nan")])
def test_a_request_that_no_json_can_say(provider: FakeProvider, content: Any) -> None:
    """A request that cannot be written as JSON in UTF-8 is refused, not sent."""

    async def call() -> None:
        async with Pool() as http:
            request = {**REQUEST, "messages": [{"role": "user", "content": "x"}], "user": content}
            at = candidate(provider.base_url)
            await Upstream(http, SHORT).complete(at, plain(at, request), lambda *_: None)  # type: ignore[arg-type]

    with pytest.raises(InvalidRequest):
        asyncio.run(call())
    assert provider.requests == []


def test_nothing_is_left_behind(provider: FakeProvider) -> None:
    """A client that is closed leaves no connection to be collected."""
    asyncio.run(complete(candidate(provider.base_url)))
    provider.script("m", FakeResponse(hang=True))
    with pytest.raises(UpstreamError):
        asyncio.run(stream(candidate(provider.base_url), replace(SHORT, first_token=0.05)))
    gc.collect()
