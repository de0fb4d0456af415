"""Attempts at embeddings or images: provider requests, polling, and the hosts that may be polled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Auth, MediaOffer, Model, Provider, Target
from vaultcore.errors import Fault, InvalidRequest, UpstreamError
from vaultcore.media import MediaApi, MediaResult, embeddings, images
from vaultcore.routing.candidate import Candidate
from vaultcore.settings import Timeouts
from vaultcore.upstream.client import Upstream
from vaultcore.upstream.httpx_transport import HttpxTransport
from vaultcore.upstream.media_jobs import CONCURRENCY, media_jobs
from vaultcore.vault.keyring import Credential

KEY = "bfl-0123456789abcdef0123456789abcdef"
FLUX = MediaOffer("bfl", "/{model}", gives="url", size="pixels", hosts=(".bfl.ai",))
TITAN = MediaOffer("titan", "/model/{model}/invoke")
READY = {"status": "Ready", "result": {"sample": "https://delivery.bfl.ai/1.png"}}
Handler = Callable[[httpx.Request], Awaitable[httpx.Response]]


def candidate(offer: MediaOffer) -> Candidate:
    provider = Provider(
        "pictures",
        "https://api.bfl.ai/v1",
        title="Pictures",
        auth=Auth("x-key", ""),
        embeddings=(offer,),
        images=(offer,),
    )
    return Candidate(Target(provider, Model("flux-pro")), Credential("pictures", KEY))


def run(
    handler: Handler,
    offer: MediaOffer,
    request: dict[str, Any],
    api: MediaApi = images,
    total: float = 5.0,
) -> list[MediaResult]:
    """Run one attempt; `handler` is the provider."""
    target_candidate = candidate(offer)

    async def run_job() -> list[MediaResult]:
        async with aclosing(HttpxTransport(httpx.MockTransport(handler))) as http:
            timeouts = Timeouts(total=total)
            job = media_jobs({"model": "m", **request}, [target_candidate.target], api)[
                target_candidate.target.name
            ]
            return await job.run(Upstream(http, timeouts), target_candidate, lambda *_: None)

    return asyncio.run(run_job())


def respond(body: object, status: int = 200, headers: dict[str, str] | None = None) -> httpx.Response:
    """Return a response whose body arrives as a stream, as from a socket."""

    async def chunks() -> AsyncIterator[bytes]:
        yield body if isinstance(body, bytes) else json.dumps(body).encode()

    return httpx.Response(status, content=chunks(), headers=headers)


def promise_result(url: str, requests: list[httpx.Request]) -> Handler:
    """Return a provider that first returns a polling URL, and then the result."""

    async def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return respond({"id": "1", "polling_url": url} if len(requests) == 1 else READY)

    return handler


@pytest.mark.parametrize(
    "url",
    [
        "https://api.bfl.ai/v1/get_result?id=1",
        "https://api.us1.bfl.ai/v1/get_result?id=1",
        "https://API.EU1.BFL.AI:443/v1/get_result?id=1",
    ],
)
def test_z6_results_are_polled_at_the_providers_hosts(url: str) -> None:
    """The polling URL may be at the provider's own host or at one that its row lists.

    Polls are GET requests with the key in its header and no body.
    """
    requests: list[httpx.Request] = []

    results = run(promise_result(url, requests), FLUX, {"prompt": "a dot"})

    assert [part.items for part in results] == [({"url": "https://delivery.bfl.ai/1.png"},)]
    assert [each.method for each in requests] == ["POST", "GET"]
    assert requests[1].url == httpx.URL(url)
    assert requests[1].headers["x-key"] == KEY
    assert requests[1].content == b""


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/get_result?id=1",
        "https://api.bfl.ai.evil.example/v1/get_result",
        "https://evilbfl.ai/v1/get_result",
        "https://bfl.ai/v1/get_result",
        "https://api.bfl.ai@evil.example/",
        "https://user:password@api.us1.bfl.ai/",
        "https://api.us1.bfl.ai:8443/",
        "http://api.us1.bfl.ai/v1/get_result",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:8787/admin/keys",
        "https://[::1]/",
        "https://[",
        "https://api.us1.bfl.ai:port/",
        "//evil.example/",
        "/v1/get_result",
        "file:///etc/passwd",
        "https://еvil.bfl.ai.example/",
        "https://api.us1.bfl.ai\\@evil.example/",
        "https://evil.example#.bfl.ai",
        "https://evil.example?.bfl.ai",
        "",
    ],
)
def test_q1_a_polling_url_at_another_host_is_rejected(url: str) -> None:
    """Threat Q1: a provider's polling URL cannot send the key, or any request, to another host."""
    requests: list[httpx.Request] = []

    with pytest.raises(UpstreamError) as raised:
        run(promise_result(url, requests), FLUX, {"prompt": "a dot"})

    assert raised.value.fault is Fault.HOST
    assert len(requests) == 1


def test_q1_dots_in_a_polling_url_stay_at_the_host() -> None:
    """A polling URL with `..` in its path stays at the host."""
    requests: list[httpx.Request] = []

    run(promise_result("https://api.bfl.ai/v1/../../x?id=1#y", requests), FLUX, {"prompt": "a dot"})

    assert requests[1].url.host == "api.bfl.ai"


def test_z6_polling_ends_at_the_deadline() -> None:
    """Polling ends when the attempt's timeout has passed."""

    async def always_pending(request: httpx.Request) -> httpx.Response:
        return respond({"id": "1", "status": "Pending", "polling_url": str(request.url)})

    with pytest.raises(UpstreamError, match=r"timed out after 0\.6 s"):
        run(always_pending, FLUX, {"prompt": "a dot"}, total=0.6)


def test_z5_requests_run_concurrently_and_results_keep_their_order() -> None:
    """At most CONCURRENCY requests run at a time; results are in the order of the inputs."""
    active = most = 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal active, most
        active += 1
        most = max(most, active)
        number = int(json.loads(request.content)["inputText"])
        for _ in range(20 - number):
            await asyncio.sleep(0)
        active -= 1
        return respond({"embedding": [float(number)], "inputTextTokenCount": 1})

    results = run(handler, TITAN, {"input": [str(number) for number in range(20)]}, embeddings)

    assert [part.items for part in results] == [([float(number)],) for number in range(20)]
    assert 1 < most <= CONCURRENCY


def test_z5_one_failed_request_fails_the_attempt() -> None:
    """The first failure fails the attempt, without another exception in its chain."""

    async def handler(request: httpx.Request) -> httpx.Response:
        if json.loads(request.content)["inputText"] == "3":
            return respond({"message": f"slow down, {KEY}"}, 429, {"retry-after": "3"})
        return respond({"embedding": [1.0], "inputTextTokenCount": 1})

    with pytest.raises(UpstreamError) as raised:
        run(handler, TITAN, {"input": [str(number) for number in range(9)]}, embeddings)

    assert (raised.value.fault, raised.value.retry_after) == (Fault.RATE, 3.0)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"embedding": []}',
        b'{"embedding": ["1"]}',
        b'{"embedding": [1e39]}',
        b'{"embedding": [NaN]}',
        b'{"embedding": null}',
        b"{}",
        b"[]",
        b"nonsense",
        b"",
    ],
)
def test_z2_an_invalid_vector_is_a_host_fault(body: bytes) -> None:
    """A response without finite numbers is a host fault, so that another target is tried."""

    async def handler(_: httpx.Request) -> httpx.Response:
        return respond(body)

    with pytest.raises(UpstreamError) as raised:
        run(handler, TITAN, {"input": "a"}, embeddings)

    assert raised.value.fault is Fault.HOST


def test_z5_fewer_vectors_than_inputs_fail_the_attempt() -> None:
    """A response that omits an input is rejected: vectors would belong to the wrong texts."""

    async def handler(_: httpx.Request) -> httpx.Response:
        return respond({"data": [{"index": 0, "embedding": [1.0]}]})

    with pytest.raises(UpstreamError, match="returned 1 of 2 embeddings"):
        run(handler, MediaOffer("openai", "/embeddings", batch=10), {"input": ["a", "b"]}, embeddings)


def test_only_capable_targets_get_a_job() -> None:
    """Targets that do not support a field get no job; if none does, the first one's error is raised."""
    capable, incapable = (
        candidate(MediaOffer("openai", "/embeddings", batch=10)).target,
        candidate(TITAN).target,
    )
    other = Target(incapable.provider, Model("other"))

    assert list(media_jobs({"model": "m", "input": "a", "truncate": 1}, [other, capable], embeddings)) == [
        capable.name
    ]
    with pytest.raises(InvalidRequest) as raised:
        media_jobs({"model": "m", "input": "a", "truncate": 1}, [incapable, other], embeddings)
    assert raised.value.param == "truncate"


def test_z6_bedrock_requests_are_signed() -> None:
    """InvokeModel requests are signed like converse requests; the key pair itself is not sent."""
    requests: list[httpx.Request] = []
    row = load_builtin({"AWS_REGION": "us-east-1"}).provider("bedrock")
    assert row is not None
    model = "amazon.titan-embed-text-v2:0"
    target_candidate = Candidate(Target(row, Model(model)), Credential("bedrock", "AKIDEXAMPLE:c2VjcmV0"))

    async def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return respond({"embedding": [1.0], "inputTextTokenCount": 1})

    async def run_job() -> list[MediaResult]:
        async with aclosing(HttpxTransport(httpx.MockTransport(handler))) as http:
            job = media_jobs({"model": "m", "input": "a"}, [target_candidate.target], embeddings)[
                target_candidate.target.name
            ]
            return await job.run(Upstream(http, Timeouts()), target_candidate, lambda *_: None)

    asyncio.run(run_job())

    assert (
        str(requests[0].url) == f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{quote(model)}/invoke"
    )
    assert requests[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "c2VjcmV0" not in str(requests[0].headers.raw)
