"""No answer is cut off by the end of its invocation: it ends before, and says how."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from handlers.buffered import Buffered
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import SYSTEM, house
from tests.fakes.provider import Answer, FakeProvider
from tests.handlers.asked import BODIES, Told, asked
from vaultcore.app import create_app
from vaultcore.clock import Clock, SystemClock
from vaultcore.compose import compose
from vaultcore.limits.account import day_of
from vaultcore.secrets import Secrets
from vaultcore.services import Services
from vaultcore.settings import Settings, Timeouts
from vaultcore.store import document_types
from vaultcore.store.base import Settled, Settlement
from vaultcore.store.memory import MemoryStore
from vaultcore.web.deadline import LAST, SPARE, InTime
from vaultcore.web.reply import STILL_HERE

T = TypeVar("T")
LEFT = SPARE + 1.5
ENDS = {  # how each API says that its stream has failed, and what it never says then
    "/v1/chat/completions": (b'data: {"error":', b"[DONE]"),
    "/v1/messages": (b"event: error\n", b"message_stop"),
    "/v1/responses": (b"response.failed", b"response.completed"),
}


def told(folder: Path, answer: Answer, ask: Callable[[Services], Awaitable[T]], **settings: Any) -> T:
    """What a gateway says whose providers all answer so."""

    async def story() -> T:
        services = house(folder, provider, backoff=0.01, **settings)
        try:
            return await ask(services)
        finally:
            await services.gateway.upstream.aclose()
            await services.store.aclose()

    with FakeProvider() as provider:
        for model in ("gpt-fake", "claude-fake"):
            provider.script(model, answer)
        return asyncio.run(story())


async def everywhere(services: Services, left: float, **fields: Any) -> dict[str, Told]:
    """The same question on every surface at once."""
    app = create_app(services)
    answers = await asyncio.gather(*(asked(app, path, "fast", left, **fields) for path in BODIES))
    return dict(zip(BODIES, answers, strict=True))


def test_a_stream_ends_before_its_invocation(tmp_path: Path) -> None:
    """Two seconds before the end a stalled stream ends in an error event of its API, recorded and charged."""

    async def ask(services: Services) -> tuple[dict[str, Told], list[Any]]:
        answers = await everywhere(services, LEFT, stream=True)
        return answers, await services.store.entries(document_types.log(day_of(services.clock.now())))

    answers, kept = told(tmp_path, Answer(stall=3), ask)

    for path, answer in answers.items():
        fails, finishes = ENDS[path]
        assert answer.status == 200
        assert b"Hello" in answer.body
        assert fails in answer.body.split(b"\n\n", 1)[1]
        assert finishes not in answer.body
        assert answer.ended is not None
        assert 1.0 < answer.ended < LEFT - LAST
    assert [(one.body["status"], one.body["code"]) for one in kept] == [(200, "deadline_exceeded")] * 3
    assert all(one.body["completion_tokens"] > 0 for one in kept)


def test_a_provider_that_hangs_leaves_time_for_a_refusal(tmp_path: Path) -> None:
    """Streamed or not, a request whose provider says nothing is a 504 in its API's envelope, in time."""

    async def ask(services: Services) -> list[dict[str, Told]]:
        return [await everywhere(services, LEFT, **fields) for fields in ({"stream": True}, {})]

    for answers in told(tmp_path, Answer(hang=True), ask):
        for answer in answers.values():
            assert (answer.status, "error" in json.loads(answer.body)) == (504, True)
            assert answer.headers["content-type"] == "application/json"
            assert answer.ended is not None
            assert answer.ended < LEFT - LAST
        assert json.loads(answers["/v1/messages"].body)["type"] == "error"


def test_no_attempt_is_begun_that_cannot_end(tmp_path: Path) -> None:
    """With less than a second to go no provider is asked."""

    async def story() -> tuple[Told, int]:
        services = house(tmp_path, provider)
        answer = await asked(create_app(services), "/v1/chat/completions", "fast", SPARE + 0.9)
        return answer, len(provider.requests)

    with FakeProvider() as provider:
        answer, requests = asyncio.run(story())

    assert (answer.status, requests) == (504, 0)


def test_a_fallback_answers_in_the_time_that_is_left(tmp_path: Path) -> None:
    """A provider that hangs longer than it may costs its own time only: the next one answers."""

    async def story() -> Told:
        services = house(tmp_path, provider, backoff=0.01, timeouts=Timeouts(first_token=0.5))
        try:
            return await asked(create_app(services), "/v1/chat/completions", "fast", 6.0, stream=True)
        finally:
            await services.gateway.upstream.aclose()

    with FakeProvider() as provider:
        provider.script("gpt-fake", Answer(hang=True))
        provider.script("claude-fake", Answer(text="from the second"))
        answer = asyncio.run(story())

    assert answer.status == 200
    assert answer.headers["x-vaultedge-provider"] == "two"
    assert answer.body.rstrip().endswith(b"data: [DONE]")


def test_a_quiet_stream_begins_without_its_first_piece(tmp_path: Path) -> None:
    """On every API a provider that thinks is bridged by comments, and then answers as it always does."""
    answers = told(
        tmp_path,
        Answer(delay=0.6, text="after a while"),
        lambda services: everywhere(services, 60.0, stream=True),
        heartbeat=0.2,
    )

    for path, answer in answers.items():
        comments = [at for at, piece in answer.pieces if piece == STILL_HERE]
        assert (answer.status, len(comments) >= 2) == (200, True)
        assert 0.15 < comments[0] < 0.5
        assert "x-vaultedge-provider" not in answer.headers
        assert answer.pieces[0][1] == STILL_HERE
        said = answer.body.replace(STILL_HERE, b"")
        assert b"".join(part for part in (b"after", b"while") if part in said) == b"afterwhile"
        assert ENDS[path][0] not in said
        assert ENDS[path][1] in said


def test_a_failure_after_the_first_comment_is_an_event(tmp_path: Path) -> None:
    """Once a quiet stream has begun, whatever goes wrong is told in it; until then it is a status."""
    ask = lambda services: everywhere(services, 60.0, stream=True)  # noqa: E731
    refused = Answer(status=400, delay=0.5)
    late = told(tmp_path, refused, ask, heartbeat=0.2)
    early = told(tmp_path, refused, ask, heartbeat=5.0)

    assert [answer.status for answer in late.values()] == [200] * 3
    assert [answer.status for answer in early.values()] == [400] * 3
    for path, answer in late.items():
        assert answer.body.startswith(STILL_HERE)
        assert b'"error"' in answer.body or b"event: error" in answer.body
        assert ENDS[path][1] not in answer.body


class Slow(MemoryStore):
    """Settles after everybody has stopped waiting."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.gate, self.done = asyncio.Event(), asyncio.Event()
        self.settled = 0

    async def settle(self, settlement: Settlement) -> Settled:
        await self.gate.wait()
        self.settled += 1
        self.done.set()
        return await super().settle(settlement)


def test_a_slow_store_costs_nobody_the_end(tmp_path: Path) -> None:
    """A stream out of time ends although its charge cannot be written yet; that is done once it can."""

    async def story() -> tuple[Told, int, int]:
        services = house(tmp_path, provider)
        slow = Slow(SystemClock())
        services.limiter._store = slow
        asyncio.get_running_loop().call_later(10, slow.gate.set)  # too late for whoever waits for it
        answer = await asked(create_app(services), "/v1/chat/completions", "fast", LEFT, stream=True)
        before = slow.settled
        slow.gate.set()  # which the end of the stream did not wait for
        await slow.done.wait()
        await services.gateway.upstream.aclose()
        return answer, before, slow.settled

    with FakeProvider() as provider:
        provider.script("gpt-fake", Answer(stall=3))
        answer, before, after = asyncio.run(story())

    assert b'"error"' in answer.body
    assert answer.ended is not None
    assert answer.ended < LEFT - 0.4  # the runtime breaks streams off half a second before the end
    assert (before, after) == (0, 1)


async def silent(*_: object) -> None:
    await asyncio.sleep(60)


def test_what_never_answers_is_refused_in_time() -> None:
    """Whatever an endpoint waits for, the caller is told before Lambda stops it; what has begun goes on."""

    async def talking(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.5)
        await send({"type": "http.response.body", "body": b"the end"})

    async def story() -> tuple[Told | str, Told]:
        try:
            quiet: Told | str = await asked(InTime(silent), "/", "m", 0.4)
        except Exception as error:  # noqa: BLE001 - which one is the question
            quiet = type(error).__name__
        return quiet, await asked(InTime(talking), "/", "m", 0.4)

    quiet, went_on = asyncio.run(story())

    assert quiet == "DeadlineExceeded"
    assert went_on.body == b"the end"


class Sealed:
    """A vault that is being opened for ever."""

    async def current(self) -> Secrets:
        await asyncio.Event().wait()
        raise AssertionError

    def doubt(self) -> None:
        return


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/admin/keys"])
def test_no_endpoint_is_without_an_end(path: str, tmp_path: Path) -> None:
    """Before a call has even been let in, a wait without end is a 504 in the envelope of its path."""
    services = compose(Settings(home=tmp_path), Sealed())
    answer = asyncio.run(asyncio.wait_for(asked(create_app(services), path, "m", 0.4), 10))

    assert (answer.status, json.loads(answer.body)["error"]["type"]) in {
        (504, "upstream_error"),
        (504, "timeout_error"),
    }


class Invocation:
    """Lambda's context of a function that may run for long."""

    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def proxied(path: str, **more: Any) -> dict[str, Any]:
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": "POST",
        "headers": {"host": "gateway.example"},
        "requestContext": {"path": path, "stage": "prod", "identity": {"sourceIp": "203.0.113.7"}, **more},
        "body": "{}",
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(("taken", "seconds"), [(0.0, 2.0), (1.0, 1.0), (-5.0, 2.0), (3_600.0, 2.0)])
def test_a_buffered_answer_comes_before_api_gateway_gives_up(taken: float, seconds: float) -> None:
    """Counted from when API Gateway took the request, the cold start included, if its clock is sane."""

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        left, plain = scope["aws.context"].get_remaining_time_in_millis(), (b"content-type", b"text/plain")
        await send({"type": "http.response.start", "status": 200, "headers": [plain]})
        await send({"type": "http.response.body", "body": str(left).encode()})

    clock = FakeClock()
    event = proxied("/v1/models", requestTimeEpoch=int((clock.now() - taken) * 1_000))
    handler = Buffered(app, 2.0, clock)
    answer = handler(event, Invocation())  # type: ignore[arg-type]
    handler._made().close()

    assert int(answer["body"]) == seconds * 1_000


def test_a_buffered_function_refuses_in_time(tmp_path: Path) -> None:
    """With 900 seconds of its own and an API in front that waits less, the caller reads JSON with a 504."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", Answer(hang=True))
        services = house(tmp_path, provider)
        handler = Buffered(create_app(services), LEFT)
        body = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}
        event = {
            **proxied("/v1/chat/completions"),
            "headers": {"authorization": f"Bearer {SYSTEM}", "content-type": "application/json"},
            "body": json.dumps(body),
        }
        began = time.monotonic()
        answer = handler(event, Invocation())  # type: ignore[arg-type]
        took = time.monotonic() - began
        handler.run(services.gateway.upstream.aclose())
        handler._made().close()

    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (504, "deadline_exceeded")
    assert took < LEFT - LAST + 0.3
