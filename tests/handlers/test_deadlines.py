"""Every response ends before the deadline of its invocation, with an error if it is incomplete."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from handlers.buffered import BufferedHandler
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import SYSTEM, build_services
from tests.fakes.provider import FakeProvider, FakeResponse
from tests.handlers.asgi_request import BODIES, RecordedResponse, send_request
from vaultcore.app import create_app
from vaultcore.clock import Clock, SystemClock
from vaultcore.compose import compose
from vaultcore.limits.account import day_of
from vaultcore.secrets import Secrets
from vaultcore.services import Services
from vaultcore.settings import Settings, Timeouts
from vaultcore.store import document_types
from vaultcore.store.base import Settlement, SettlementResult
from vaultcore.store.memory import MemoryStore
from vaultcore.streams.framing import SseFraming
from vaultcore.web.deadline import ENDING_TIME, ERROR_TIME, DeadlineMiddleware

T = TypeVar("T")
REMAINING = ENDING_TIME + 1.5
ENDS = {  # each API's error event, and its regular end, which must not follow
    "/v1/chat/completions": (b'data: {"error":', b"[DONE]"),
    "/v1/messages": (b"event: error\n", b"message_stop"),
    "/v1/responses": (b"response.failed", b"response.completed"),
}


def with_answers(
    folder: Path, answer: FakeResponse, ask: Callable[[Services], Awaitable[T]], **settings: Any
) -> T:
    """Run `ask` against a gateway whose providers all return `answer`."""

    async def scenario() -> T:
        services = build_services(folder, provider, backoff=0.01, **settings)
        try:
            return await ask(services)
        finally:
            await services.gateway.upstream.aclose()
            await services.store.aclose()

    with FakeProvider() as provider:
        for model in ("gpt-fake", "claude-fake"):
            provider.script(model, answer)
        return asyncio.run(scenario())


async def send_to_all_apis(
    services: Services, remaining: float, **fields: Any
) -> dict[str, RecordedResponse]:
    """Send the same request to every client API concurrently."""
    app = create_app(services)
    answers = await asyncio.gather(*(send_request(app, path, "fast", remaining, **fields) for path in BODIES))
    return dict(zip(BODIES, answers, strict=True))


def test_a_stream_ends_before_its_invocation(tmp_path: Path) -> None:
    """A stalled stream ends before the deadline with its API's error event; it is recorded and charged."""

    async def ask(services: Services) -> tuple[dict[str, RecordedResponse], list[Any]]:
        answers = await send_to_all_apis(services, REMAINING, stream=True)
        return answers, await services.store.query(
            document_types.records_collection(day_of(services.clock.now()))
        )

    answers, records = with_answers(tmp_path, FakeResponse(stall=3), ask)

    for path, answer in answers.items():
        fails, finishes = ENDS[path]
        assert answer.status == 200
        assert b"Hello" in answer.body
        assert fails in answer.body.split(b"\n\n", 1)[1]
        assert finishes not in answer.body
        assert answer.ended is not None
        assert 1.0 < answer.ended < REMAINING - ERROR_TIME
    assert [(one.body["status"], one.body["code"]) for one in records] == [(200, "deadline_exceeded")] * 3
    assert all(one.body["completion_tokens"] > 0 for one in records)


def test_a_hanging_provider_gives_504_in_time(tmp_path: Path) -> None:
    """A request whose provider does not respond gets a 504 in its API's envelope before the deadline."""

    async def ask(services: Services) -> list[dict[str, RecordedResponse]]:
        return [await send_to_all_apis(services, REMAINING, **fields) for fields in ({"stream": True}, {})]

    for answers in with_answers(tmp_path, FakeResponse(hang=True), ask):
        for answer in answers.values():
            assert (answer.status, "error" in json.loads(answer.body)) == (504, True)
            assert answer.headers["content-type"] == "application/json"
            assert answer.ended is not None
            assert answer.ended < REMAINING - ERROR_TIME
        assert json.loads(answers["/v1/messages"].body)["type"] == "error"


def test_no_attempt_starts_without_time(tmp_path: Path) -> None:
    """With less than a second remaining no provider is called."""

    async def scenario() -> tuple[RecordedResponse, int]:
        services = build_services(tmp_path, provider)
        answer = await send_request(create_app(services), "/v1/chat/completions", "fast", ENDING_TIME + 0.9)
        return answer, len(provider.requests)

    with FakeProvider() as provider:
        answer, requests = asyncio.run(scenario())

    assert (answer.status, requests) == (504, 0)


def test_a_fallback_responds_in_the_remaining_time(tmp_path: Path) -> None:
    """A hanging provider uses only its own timeout; the fallback responds."""

    async def scenario() -> RecordedResponse:
        services = build_services(tmp_path, provider, backoff=0.01, timeouts=Timeouts(first_token=0.5))
        try:
            return await send_request(create_app(services), "/v1/chat/completions", "fast", 6.0, stream=True)
        finally:
            await services.gateway.upstream.aclose()

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(hang=True))
        provider.script("claude-fake", FakeResponse(text="from the second"))
        answer = asyncio.run(scenario())

    assert answer.status == 200
    assert answer.headers["x-vaultedge-provider"] == "two"
    assert answer.body.rstrip().endswith(b"data: [DONE]")


def test_a_quiet_stream_starts_with_comments(tmp_path: Path) -> None:
    """While a provider is silent, every API sends keep-alive comments, then the normal stream."""
    answers = with_answers(
        tmp_path,
        FakeResponse(delay=0.6, text="after a while"),
        lambda services: send_to_all_apis(services, 60.0, stream=True),
        heartbeat=0.2,
    )

    for path, answer in answers.items():
        comments = [at for at, piece in answer.chunks if piece == SseFraming.keep_alive]
        assert (answer.status, len(comments) >= 2) == (200, True)
        assert 0.15 < comments[0] < 0.5
        assert "x-vaultedge-provider" not in answer.headers
        assert answer.chunks[0][1] == SseFraming.keep_alive
        body = answer.body.replace(SseFraming.keep_alive, b"")
        assert b"".join(part for part in (b"after", b"while") if part in body) == b"afterwhile"
        assert ENDS[path][0] not in body
        assert ENDS[path][1] in body


def test_a_failure_after_the_first_comment_is_an_event(tmp_path: Path) -> None:
    """After the first comment a failure is an error event; before it, a status."""
    ask = lambda services: send_to_all_apis(services, 60.0, stream=True)  # noqa: E731
    refused = FakeResponse(status=400, delay=0.5)
    late = with_answers(tmp_path, refused, ask, heartbeat=0.2)
    early = with_answers(tmp_path, refused, ask, heartbeat=5.0)

    assert [answer.status for answer in late.values()] == [200] * 3
    assert [answer.status for answer in early.values()] == [400] * 3
    for path, answer in late.items():
        assert answer.body.startswith(SseFraming.keep_alive)
        assert b'"error"' in answer.body or b"event: error" in answer.body
        assert ENDS[path][1] not in answer.body


class SlowStore(MemoryStore):
    """A store that settles only when its gate opens."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.gate, self.done = asyncio.Event(), asyncio.Event()
        self.settled = 0

    async def settle(self, settlement: Settlement) -> SettlementResult:
        await self.gate.wait()
        self.settled += 1
        self.done.set()
        return await super().settle(settlement)


def test_a_slow_store_does_not_delay_the_end(tmp_path: Path) -> None:
    """A stream that runs out of time ends before its settlement, which is written later."""

    async def scenario() -> tuple[RecordedResponse, int, int]:
        services = build_services(tmp_path, provider)
        slow = SlowStore(SystemClock())
        services.admission.limiter._store = slow
        asyncio.get_running_loop().call_later(10, slow.gate.set)  # after the invocation's end
        answer = await send_request(
            create_app(services), "/v1/chat/completions", "fast", REMAINING, stream=True
        )
        before = slow.settled
        slow.gate.set()  # the stream's end did not wait for it
        await slow.done.wait()
        await services.gateway.upstream.aclose()
        return answer, before, slow.settled

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(stall=3))
        answer, before, after = asyncio.run(scenario())

    assert b'"error"' in answer.body
    assert answer.ended is not None
    assert answer.ended < REMAINING - 0.4  # the runtime cancels the application half a second before the end
    assert (before, after) == (0, 1)


async def never_respond(*_: object) -> None:
    await asyncio.sleep(60)


def test_an_endpoint_without_response_is_stopped() -> None:
    """An endpoint that does not respond raises DeadlineExceeded in time; a started response continues."""

    async def respond_slowly(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.5)
        await send({"type": "http.response.body", "body": b"the end"})

    async def scenario() -> tuple[RecordedResponse | str, RecordedResponse]:
        try:
            quiet: RecordedResponse | str = await send_request(
                DeadlineMiddleware(never_respond), "/", "m", 0.4
            )
        except Exception as error:  # noqa: BLE001 - the test checks its type
            quiet = type(error).__name__
        return quiet, await send_request(DeadlineMiddleware(respond_slowly), "/", "m", 0.4)

    quiet, started_stream = asyncio.run(scenario())

    assert quiet == "DeadlineExceeded"
    assert started_stream.body == b"the end"


class UnopenableVault:
    """A vault that never finishes opening."""

    async def current(self) -> Secrets:
        await asyncio.Event().wait()
        raise AssertionError

    def refresh_soon(self) -> None:
        return


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/admin/keys"])
def test_every_endpoint_has_a_deadline(path: str, tmp_path: Path) -> None:
    """An endless wait before admission is a 504 in the envelope of the path."""
    services = compose(Settings(home=tmp_path), UnopenableVault())
    answer = asyncio.run(asyncio.wait_for(send_request(create_app(services), path, "m", 0.4), 10))

    assert (answer.status, json.loads(answer.body)["error"]["type"]) in {
        (504, "upstream_error"),
        (504, "timeout_error"),
    }


class LongContext:
    """Lambda's context of a function with a long timeout."""

    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def proxy_event(path: str, **more: Any) -> dict[str, Any]:
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": "POST",
        "headers": {"host": "gateway.example"},
        "requestContext": {"path": path, "stage": "prod", "identity": {"sourceIp": "203.0.113.7"}, **more},
        "body": "{}",
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(("age", "seconds"), [(0.0, 2.0), (1.0, 1.0), (-5.0, 2.0), (3_600.0, 2.0)])
def test_buffered_deadlines_start_at_api_gateway(age: float, seconds: float) -> None:
    """The deadline counts from API Gateway's receipt, including the cold start, if its clock is plausible."""

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        remaining, plain = (
            scope["aws.context"].get_remaining_time_in_millis(),
            (b"content-type", b"text/plain"),
        )
        await send({"type": "http.response.start", "status": 200, "headers": [plain]})
        await send({"type": "http.response.body", "body": str(remaining).encode()})

    clock = FakeClock()
    event = proxy_event("/v1/models", requestTimeEpoch=int((clock.now() - age) * 1_000))
    handler = BufferedHandler(app, 2.0, clock)
    answer = handler(event, LongContext())  # type: ignore[arg-type]
    handler._event_loop().close()

    assert int(answer["body"]) == seconds * 1_000


def test_a_buffered_function_returns_504_in_time(tmp_path: Path) -> None:
    """With 900 seconds of its own and a shorter API timeout, the function returns a JSON 504 in time."""
    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(hang=True))
        services = build_services(tmp_path, provider)
        handler = BufferedHandler(create_app(services), REMAINING)
        body = {"model": "fast", "messages": [{"role": "user", "content": "hi"}]}
        event = {
            **proxy_event("/v1/chat/completions"),
            "headers": {"authorization": f"Bearer {SYSTEM}", "content-type": "application/json"},
            "body": json.dumps(body),
        }
        started = time.monotonic()
        answer = handler(event, LongContext())  # type: ignore[arg-type]
        elapsed = time.monotonic() - started
        handler.run(services.gateway.upstream.aclose())
        handler._event_loop().close()

    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (504, "deadline_exceeded")
    assert elapsed < REMAINING - ERROR_TIME + 0.3
