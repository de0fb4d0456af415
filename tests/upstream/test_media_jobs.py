"""What an attempt at embeddings or images does on the wire: its posts, its pauses, where it never goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
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
    artifact: MediaApi = images,
    total: float = 5.0,
) -> list[MediaResult]:
    """One attempt against a provider that is a function."""
    to = candidate(offer)

    async def attempt() -> list[MediaResult]:
        async with httpx.MockTransport(handler) as http:
            timeouts = Timeouts(total=total)
            errand = media_jobs({"model": "m", **request}, [to.target], artifact)[to.target.name]
            return await errand.run(Upstream(http, timeouts), to, lambda *_: None)

    return asyncio.run(attempt())


def answered(body: object, status: int = 200, headers: dict[str, str] | None = None) -> httpx.Response:
    """An answer whose bytes come as those of a socket do."""

    async def pieces() -> AsyncIterator[bytes]:
        yield body if isinstance(body, bytes) else json.dumps(body).encode()

    return httpx.Response(status, content=pieces(), headers=headers)


def promising(url: str, seen: list[httpx.Request]) -> Handler:
    """A provider that promises its picture at a URL, where it lies indeed."""

    async def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answered({"id": "1", "polling_url": url} if len(seen) == 1 else READY)

    return handler


@pytest.mark.parametrize(
    "url",
    [
        "https://api.bfl.ai/v1/get_result?id=1",
        "https://api.us1.bfl.ai/v1/get_result?id=1",
        "https://API.EU1.BFL.AI:443/v1/get_result?id=1",
    ],
)
def test_z6_a_promise_is_asked_for_at_the_providers_hosts(url: str) -> None:
    """The provider's own host and those its row lists are asked, with the key in its header and no body."""
    seen: list[httpx.Request] = []

    parts = run(promising(url, seen), FLUX, {"prompt": "a dot"})

    assert [part.items for part in parts] == [({"url": "https://delivery.bfl.ai/1.png"},)]
    assert [each.method for each in seen] == ["POST", "GET"]
    assert seen[1].url == httpx.URL(url)
    assert seen[1].headers["x-key"] == KEY
    assert seen[1].content == b""


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
def test_q1_a_promise_leads_nowhere_else(url: str) -> None:
    """Threat Q1: a polling URL of an answer cannot send the key, or any request, to another host."""
    seen: list[httpx.Request] = []

    with pytest.raises(UpstreamError) as failed:
        run(promising(url, seen), FLUX, {"prompt": "a dot"})

    assert failed.value.fault is Fault.HOST
    assert len(seen) == 1


def test_q1_a_promise_leads_to_no_other_path_below_by_tricks() -> None:
    """Dots in a promised path stay at the host, whatever they climb."""
    seen: list[httpx.Request] = []

    run(promising("https://api.bfl.ai/v1/../../x?id=1#y", seen), FLUX, {"prompt": "a dot"})

    assert seen[1].url.host == "api.bfl.ai"


def test_z6_a_promise_that_is_never_kept_ends_with_the_attempt() -> None:
    """Asking again ends when the attempt's time is up."""

    async def never(request: httpx.Request) -> httpx.Response:
        return answered({"id": "1", "status": "Pending", "polling_url": str(request.url)})

    with pytest.raises(UpstreamError, match=r"timed out after 0\.6 s"):
        run(never, FLUX, {"prompt": "a dot"}, total=0.6)


def test_z5_posts_go_a_few_at_a_time_and_come_back_in_order() -> None:
    """Many posts are under way at once, but not too many, and parts stand in the order of the inputs."""
    under_way = most = 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        number = int(json.loads(request.content)["inputText"])
        for _ in range(20 - number):
            await asyncio.sleep(0)
        under_way -= 1
        return answered({"embedding": [float(number)], "inputTextTokenCount": 1})

    parts = run(handler, TITAN, {"input": [str(number) for number in range(20)]}, embeddings)

    assert [part.items for part in parts] == [([float(number)],) for number in range(20)]
    assert 1 < most <= CONCURRENCY


def test_z5_one_posts_failure_is_the_attempts() -> None:
    """All of the answer or none: the first failure is the attempt's, with no other exception in its chain."""

    async def handler(request: httpx.Request) -> httpx.Response:
        if json.loads(request.content)["inputText"] == "3":
            return answered({"message": f"slow down, {KEY}"}, 429, {"retry-after": "3"})
        return answered({"embedding": [1.0], "inputTextTokenCount": 1})

    with pytest.raises(UpstreamError) as failed:
        run(handler, TITAN, {"input": [str(number) for number in range(9)]}, embeddings)

    assert (failed.value.fault, failed.value.retry_after) == (Fault.RATE, 3.0)
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
    assert KEY not in str(failed.value)


@pytest.mark.parametrize(
    "answer",
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
def test_z2_what_is_no_vector_is_the_providers_fault(answer: bytes) -> None:
    """An answer that holds no finite numbers is another provider's to mend."""

    async def handler(_: httpx.Request) -> httpx.Response:
        return answered(answer)

    with pytest.raises(UpstreamError) as failed:
        run(handler, TITAN, {"input": "a"}, embeddings)

    assert failed.value.fault is Fault.HOST


def test_z5_fewer_vectors_than_inputs_are_no_answer() -> None:
    """A provider that leaves an input out has not answered: vectors would stand beside the wrong texts."""

    async def handler(_: httpx.Request) -> httpx.Response:
        return answered({"data": [{"index": 0, "embedding": [1.0]}]})

    with pytest.raises(UpstreamError, match="returned 1 of 2 embeddings"):
        run(handler, MediaOffer("openai", "/embeddings", batch=10), {"input": ["a", "b"]}, embeddings)


def test_who_can_do_it_is_asked_and_nobody_else() -> None:
    """Targets that have no equal for a field are left out; where none has, the first one's refusal stands."""
    able, unable = candidate(MediaOffer("openai", "/embeddings", batch=10)).target, candidate(TITAN).target
    other = Target(unable.provider, Model("other"))

    assert list(media_jobs({"model": "m", "input": "a", "truncate": 1}, [other, able], embeddings)) == [
        able.name
    ]
    with pytest.raises(InvalidRequest) as refused:
        media_jobs({"model": "m", "input": "a", "truncate": 1}, [unable, other], embeddings)
    assert refused.value.param == "truncate"


def test_z6_bedrock_is_asked_with_a_signature() -> None:
    """InvokeModel is signed as converse is: the pair of the vault proves itself and does not travel."""
    seen: list[httpx.Request] = []
    row = load_builtin({"AWS_REGION": "us-east-1"}).provider("bedrock")
    assert row is not None
    model = "amazon.titan-embed-text-v2:0"
    to = Candidate(Target(row, Model(model)), Credential("bedrock", "AKIDEXAMPLE:c2VjcmV0"))

    async def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answered({"embedding": [1.0], "inputTextTokenCount": 1})

    async def attempt() -> list[MediaResult]:
        async with httpx.MockTransport(handler) as http:
            errand = media_jobs({"model": "m", "input": "a"}, [to.target], embeddings)[to.target.name]
            return await errand.run(Upstream(http, Timeouts()), to, lambda *_: None)

    asyncio.run(attempt())

    assert str(seen[0].url) == f"https://bedrock-runtime.us-east-1.amazonaws.com/model/{quote(model)}/invoke"
    assert seen[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "c2VjcmV0" not in str(seen[0].headers.raw)
