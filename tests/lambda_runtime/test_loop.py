from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import Any

import pytest

from tests.lambda_runtime.serving import GET, body, hello, running, serving, start

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) + b"\0" * 16


def test_pieces_leave_as_they_are_made() -> None:
    """Each piece of an answer arrives before the application may make the next one."""

    async def scenario() -> None:
        gate = asyncio.Queue[bytes]()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send, 200, (b"content-type", b"text/event-stream"))
            while piece := await gate.get():
                await body(send, piece, more=True)
            await body(send, b"")

        async with serving(app) as api:
            api.invoke(GET)
            gate.put_nowait(b"data: 1\n\n")
            report = await api.report()
            first = await report.pieces.get()
            assert first is not None
            assert first.endswith(b"\0\0\0\0\0\0\0\0data: 1\n\n")
            for piece in (b"data: 2\n\n", b"\0\xff", b"data: [DONE]\n\n"):
                gate.put_nowait(piece)
                assert await report.pieces.get() == piece
            gate.put_nowait(b"")
            assert await report.pieces.get() is None

            assert report.headers["lambda-runtime-function-response-mode"] == "streaming"
            assert report.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
            assert report.head == {"statusCode": 200, "headers": {"content-type": "text/event-stream"}}
            assert report.trailers == {}

    running(scenario)


def test_error_before_the_first_byte_is_an_error_of_the_function() -> None:
    """An application that raises before its answer has a body is an error, not a broken stream."""

    async def scenario() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            raise RuntimeError("the caller said: my secret")

        async with serving(app) as api:
            api.invoke(GET)
            report = await api.finished()

            assert report.kind == "error"
            assert report.headers["lambda-runtime-function-error-type"] == "RuntimeError"
            told = json.loads(report.body)
            assert told["errorType"] == "RuntimeError"
            assert "test_loop.py" in told["errorMessage"]
            assert "secret" not in report.body.decode()

    running(scenario)


def test_error_after_the_first_byte_travels_in_trailers() -> None:
    """A stream that breaks ends with trailers far below the 4 KiB at which the platform hangs up."""

    async def scenario() -> None:
        class ErrorWithAVeryLongName(Exception):
            pass

        ErrorWithAVeryLongName.__name__ = "É" * 5_000

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            await body(send, b"half an ans", more=True)
            raise ErrorWithAVeryLongName("x" * 1_000_000)

        async with serving(app) as api:
            api.invoke(GET)
            report = await api.finished()

            assert report.kind == "response"
            assert report.content == b"half an ans"
            assert report.trailers["lambda-runtime-function-error-type"] == "_" * 64
            assert report.failure is not None
            assert len(report.trailers["lambda-runtime-function-error-body"]) < 1_024
            assert report.trailer_bytes < 2_048

    running(scenario)


def test_error_after_the_last_byte_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What an application raises after its complete answer is logged; the client keeps the answer."""

    async def scenario() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await hello(scope, receive, send)
            raise RuntimeError("said in confidence")

        async with serving(app) as api:
            api.invoke(GET)
            report = await api.finished()
            api.invoke(GET)
            await api.finished()

            assert report.content == b"hello /prod/v1/models"
            assert report.trailers == {}

    running(scenario)
    assert "RuntimeError" in caplog.text
    assert "said in confidence" not in caplog.text


@pytest.mark.parametrize("pieces", [0, 1])
def test_an_answer_left_unfinished_is_told_as_such(pieces: int) -> None:
    """An application that returns in the middle of its answer does not look like one that is done."""

    async def scenario() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            for _ in range(pieces):
                await body(send, b"piece", more=True)

        async with serving(app) as api:
            api.invoke(GET)
            report = await api.finished()

            told = report.failure if pieces else json.loads(report.body)
            assert told is not None
            assert told["errorType"] == "Runtime.Unfinished"

    running(scenario)


def test_binary_bodies_pass_raw() -> None:
    """Bytes come out as they went in: no base64, and NULs in the body mean nothing."""

    async def scenario() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send, 200, (b"content-type", b"image/png"), (b"content-length", b"280"))
            await body(send, PNG)

        async with serving(app) as api:
            api.invoke(GET)
            report = await api.finished()

            assert report.content == PNG
            assert "content-length" not in report.head["headers"]

    running(scenario)


def test_large_streams_pass() -> None:
    """An answer beyond the 6 MB of a buffered one arrives whole."""

    async def scenario() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            for number in range(140):
                await body(send, bytes([number]) * 65_536, more=True)
            await body(send, b"")

        async with serving(app) as api:
            api.invoke(GET)
            report = await api.finished()

            assert report.content == b"".join(bytes([number]) * 65_536 for number in range(140))

    running(scenario)


def test_invocations_follow_each_other() -> None:
    """Events are served in turn by one loop, each with its own id, deadline and trace; large ones too."""

    async def scenario() -> None:
        seen: list[tuple[Any, ...]] = []
        environ: dict[str, str] = {"AWS_LAMBDA_FUNCTION_NAME": "gateway"}

        async def app(scope: Any, receive: Any, send: Any) -> None:
            context = scope["aws.context"]
            message = await receive()
            seen.append(
                (id(asyncio.get_running_loop()), context.aws_request_id, environ.get("_X_AMZN_TRACE_ID"))
            )
            assert 0 < context.get_remaining_time_in_millis() <= 300_000
            assert context.function_name == "gateway"
            assert scope["aws.event"]["path"] == "/v1/models"
            await start(send)
            await body(send, str(len(message["body"])).encode())
            assert await receive() == {"type": "http.disconnect"}

        async with serving(app, environ) as api:
            first = api.invoke(GET, Lambda_Runtime_Trace_Id="Root=1", Lambda_Runtime_Invocation_Id="i1")
            answer = await api.finished()
            second = api.invoke({**GET, "httpMethod": "POST", "body": "ä" * 2_000_000})

            assert answer.content == b"0"
            assert answer.headers["lambda-runtime-invocation-id"] == "i1"
            assert (await api.finished()).content == b"4000000"
            third = api.invoke(GET)
            assert (await api.finished()).content == b"0"
            assert api.connections == 1  # or an answer may not be put away when the next event is asked for
            assert len({loop for loop, *_ in seen}) == 1
            assert [rest for _, *rest in seen] == [[first, "Root=1"], [second, None], [third, None]]

    running(scenario)


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        [],
        "ping",
        {"source": "aws.events", "detail-type": "Scheduled Event"},
        {"invokeCompletionStatus": "Success", "requestId": "r"},
        {"requestContext": {"elb": {}}, "httpMethod": "GET", "path": "/"},
    ],
    ids=str,
)
def test_unknown_events_get_an_empty_answer(event: object) -> None:
    """A ping or a completion notice is answered `{}`, buffered, and the application never sees it."""

    async def scenario() -> None:
        async def never(scope: Any, receive: Any, send: Any) -> None:
            raise AssertionError

        async with serving(never) as api:
            api.invoke(event)
            report = await api.finished()

            assert (report.kind, report.body) == ("response", b"{}")
            assert "lambda-runtime-function-response-mode" not in report.headers

    running(scenario)


def test_a_cancelled_sender_ends_its_answer_all_the_same() -> None:
    """Where the task that sends the last byte is cancelled, the next event waits for the answer's end."""

    async def scenario() -> None:
        returned = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            sender = asyncio.create_task(hello(scope, receive, send))
            await api.finished()
            sender.cancel()
            with suppress(asyncio.CancelledError):
                await sender
            returned.set()

        async with serving(app) as api:
            api.taken.clear()
            api.invoke(GET)
            await returned.wait()
            api.taken.set()
            api.invoke("ping")

            assert (await api.finished()).body == b"{}"
            assert api.connections == 1

    running(scenario)


def test_a_client_is_gone_once_the_answer_has_been_taken() -> None:
    """The application hears of a disconnect when its answer has been taken, not while it is on its way."""

    async def scenario() -> None:
        taken: list[bool] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            listener = asyncio.create_task(receive())
            sender = asyncio.create_task(hello(scope, receive, send))
            await asyncio.wait([listener, sender], return_when=asyncio.FIRST_COMPLETED)
            taken.append(api.taken.is_set())
            await asyncio.gather(listener, sender)

        async with serving(app) as api:
            api.taken.clear()
            api.invoke(GET)
            report = await api.finished()
            api.taken.set()
            api.invoke("ping")

            assert (report.content, report.trailers) == (b"hello /prod/v1/models", {})
            assert (await api.finished()).body == b"{}"
            assert taken == [True]

    running(scenario)


def test_an_idle_connection_that_died_costs_nothing() -> None:
    """Where the kept connection is gone when the next event is waited for, another one is opened."""

    async def scenario() -> None:
        async with serving(hello) as api:
            api.invoke(GET)
            await api.finished()
            await api.drop()
            api.invoke(GET)

            assert (await api.finished()).content == b"hello /prod/v1/models"
            assert api.connections == 2

    running(scenario)


def test_a_lost_connection_costs_one_invocation() -> None:
    """Where the platform hangs up on a stream, the application is told so and the next event is served."""

    async def scenario() -> None:
        over = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            try:
                while True:
                    await body(send, b"x" * 100_000, more=True)
            finally:
                over.set()

        async with serving(app) as api:
            api.hang_up_after = 1
            api.invoke(GET)
            await api.finished()
            await over.wait()
            api.hang_up_after = None
            api.invoke("ping")

            assert (await api.finished()).body == b"{}"

    running(scenario)


def test_an_endless_application_is_stopped_before_lambda_stops_the_process() -> None:
    """Shortly before the deadline the application is cancelled, cleans up, and the stream ends as broken."""

    async def scenario() -> None:
        cleaned: list[bool] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            await body(send, b"begun", more=True)
            try:
                await asyncio.Event().wait()
            finally:
                cleaned.append(True)

        async with serving(app) as api:
            begun = time.monotonic()
            api.invoke(GET, timeout=0.4)
            report = await api.finished()

            assert time.monotonic() - begun < 10
            assert report.failure is not None
            assert report.failure["errorType"] == "TimeoutError"
            assert cleaned == [True]

    running(scenario)
