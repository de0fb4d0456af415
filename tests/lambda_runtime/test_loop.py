from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import Any

import pytest

from tests.lambda_runtime.loop_runner import GET, body, hello, run_scenario, serve_app, start

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) + b"\0" * 16


def test_chunks_are_sent_one_by_one() -> None:
    """Each chunk of a response arrives before the application produces the next one."""

    async def scenario() -> None:
        gate = asyncio.Queue[bytes]()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send, 200, (b"content-type", b"text/event-stream"))
            while chunk := await gate.get():
                await body(send, chunk, more=True)
            await body(send, b"")

        async with serve_app(app) as api:
            api.invoke(GET)
            gate.put_nowait(b"data: 1\n\n")
            report = await api.report()
            first = await report.chunks.get()
            assert first is not None
            assert first.endswith(b"\0\0\0\0\0\0\0\0data: 1\n\n")
            for chunk in (b"data: 2\n\n", b"\0\xff", b"data: [DONE]\n\n"):
                gate.put_nowait(chunk)
                assert await report.chunks.get() == chunk
            gate.put_nowait(b"")
            assert await report.chunks.get() is None

            assert report.headers["lambda-runtime-function-response-mode"] == "streaming"
            assert report.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
            assert report.head == {"statusCode": 200, "headers": {"content-type": "text/event-stream"}}
            assert report.trailers == {}

    run_scenario(scenario)


def test_an_error_before_the_first_byte_is_a_function_error() -> None:
    """An exception before the first body byte is reported as an error, not as a broken stream."""

    async def scenario() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            raise RuntimeError("the caller said: my secret")

        async with serve_app(app) as api:
            api.invoke(GET)
            report = await api.finished()

            assert report.kind == "error"
            assert report.headers["lambda-runtime-function-error-type"] == "RuntimeError"
            error = json.loads(report.body)
            assert error["errorType"] == "RuntimeError"
            assert "test_loop.py" in error["errorMessage"]
            assert "secret" not in report.body.decode()

    run_scenario(scenario)


def test_an_error_after_the_first_byte_is_sent_in_trailers() -> None:
    """A broken stream ends with trailers far below 4 KiB, where the platform drops the connection."""

    async def scenario() -> None:
        class ErrorWithAVeryLongName(Exception):
            pass

        ErrorWithAVeryLongName.__name__ = "É" * 5_000

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            await body(send, b"half an ans", more=True)
            raise ErrorWithAVeryLongName("x" * 1_000_000)

        async with serve_app(app) as api:
            api.invoke(GET)
            report = await api.finished()

            assert report.kind == "response"
            assert report.content == b"half an ans"
            assert report.trailers["lambda-runtime-function-error-type"] == "_" * 64
            assert report.failure is not None
            assert len(report.trailers["lambda-runtime-function-error-body"]) < 1_024
            assert report.trailer_bytes < 2_048

    run_scenario(scenario)


def test_an_error_after_the_last_byte_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An exception after a complete response is logged without its text; the response stays intact."""

    async def scenario() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await hello(scope, receive, send)
            raise RuntimeError("secret text")

        async with serve_app(app) as api:
            api.invoke(GET)
            report = await api.finished()
            api.invoke(GET)
            await api.finished()

            assert report.content == b"hello /prod/v1/models"
            assert report.trailers == {}

    run_scenario(scenario)
    assert "RuntimeError" in caplog.text
    assert "secret text" not in caplog.text


@pytest.mark.parametrize("chunks", [0, 1])
def test_an_incomplete_response_is_reported(chunks: int) -> None:
    """An application that returns before its last chunk gets an error report, not a normal end."""

    async def scenario() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            for _ in range(chunks):
                await body(send, b"chunk", more=True)

        async with serve_app(app) as api:
            api.invoke(GET)
            report = await api.finished()

            error = report.failure if chunks else json.loads(report.body)
            assert error is not None
            assert error["errorType"] == "Runtime.Unfinished"

    run_scenario(scenario)


def test_binary_bodies_are_sent_unencoded() -> None:
    """Body bytes are unchanged: no base64, and NUL bytes have no meaning."""

    async def scenario() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send, 200, (b"content-type", b"image/png"), (b"content-length", b"280"))
            await body(send, PNG)

        async with serve_app(app) as api:
            api.invoke(GET)
            report = await api.finished()

            assert report.content == PNG
            assert "content-length" not in report.head["headers"]

    run_scenario(scenario)


def test_large_responses_are_streamed() -> None:
    """A response over 6 MB, the limit of buffered responses, arrives complete."""

    async def scenario() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            for number in range(140):
                await body(send, bytes([number]) * 65_536, more=True)
            await body(send, b"")

        async with serve_app(app) as api:
            api.invoke(GET)
            report = await api.finished()

            assert report.content == b"".join(bytes([number]) * 65_536 for number in range(140))

    run_scenario(scenario)


def test_invocations_run_one_after_the_other() -> None:
    """One loop serves the events in order, each with its own id, deadline and trace id; large ones too."""

    async def scenario() -> None:
        invocations: list[tuple[Any, ...]] = []
        environ: dict[str, str] = {"AWS_LAMBDA_FUNCTION_NAME": "gateway"}

        async def app(scope: Any, receive: Any, send: Any) -> None:
            context = scope["aws.context"]
            message = await receive()
            invocations.append(
                (id(asyncio.get_running_loop()), context.aws_request_id, environ.get("_X_AMZN_TRACE_ID"))
            )
            assert 0 < context.get_remaining_time_in_millis() <= 300_000
            assert context.function_name == "gateway"
            assert scope["aws.event"]["path"] == "/v1/models"
            await start(send)
            await body(send, str(len(message["body"])).encode())
            assert await receive() == {"type": "http.disconnect"}

        async with serve_app(app, environ) as api:
            first = api.invoke(GET, Lambda_Runtime_Trace_Id="Root=1", Lambda_Runtime_Invocation_Id="i1")
            response = await api.finished()
            second = api.invoke({**GET, "httpMethod": "POST", "body": "ä" * 2_000_000})

            assert response.content == b"0"
            assert response.headers["lambda-runtime-invocation-id"] == "i1"
            assert (await api.finished()).content == b"4000000"
            third = api.invoke(GET)
            assert (await api.finished()).content == b"0"
            assert api.connections == 1  # two connections would race, see RuntimeApi
            assert len({loop for loop, *_ in invocations}) == 1
            assert [rest for _, *rest in invocations] == [[first, "Root=1"], [second, None], [third, None]]

    run_scenario(scenario)


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
def test_other_events_get_an_empty_response(event: object) -> None:
    """A ping or a completion notice gets a buffered `{}`; the application never sees it."""

    async def scenario() -> None:
        async def never(scope: Any, receive: Any, send: Any) -> None:
            raise AssertionError

        async with serve_app(never) as api:
            api.invoke(event)
            report = await api.finished()

            assert (report.kind, report.body) == ("response", b"{}")
            assert "lambda-runtime-function-response-mode" not in report.headers

    run_scenario(scenario)


def test_cancelling_the_sender_still_ends_the_response() -> None:
    """If the task that sends the last byte is cancelled, the next event waits for the response's end."""

    async def scenario() -> None:
        returned = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            sender = asyncio.create_task(hello(scope, receive, send))
            await api.finished()
            sender.cancel()
            with suppress(asyncio.CancelledError):
                await sender
            returned.set()

        async with serve_app(app) as api:
            api.acknowledged.clear()
            api.invoke(GET)
            await returned.wait()
            api.acknowledged.set()
            api.invoke("ping")

            assert (await api.finished()).body == b"{}"
            assert api.connections == 1

    run_scenario(scenario)


def test_disconnect_follows_the_accepted_response() -> None:
    """`receive` returns http.disconnect after Lambda has accepted the response, not before."""

    async def scenario() -> None:
        accepted: list[bool] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            listener = asyncio.create_task(receive())
            sender = asyncio.create_task(hello(scope, receive, send))
            await asyncio.wait([listener, sender], return_when=asyncio.FIRST_COMPLETED)
            accepted.append(api.acknowledged.is_set())
            await asyncio.gather(listener, sender)

        async with serve_app(app) as api:
            api.acknowledged.clear()
            api.invoke(GET)
            report = await api.finished()
            api.acknowledged.set()
            api.invoke("ping")

            assert (report.content, report.trailers) == (b"hello /prod/v1/models", {})
            assert (await api.finished()).body == b"{}"
            assert accepted == [True]

    run_scenario(scenario)


def test_a_dead_idle_connection_is_replaced() -> None:
    """If the idle connection is closed when the loop waits for the next event, the loop opens another."""

    async def scenario() -> None:
        async with serve_app(hello) as api:
            api.invoke(GET)
            await api.finished()
            await api.drop()
            api.invoke(GET)

            assert (await api.finished()).content == b"hello /prod/v1/models"
            assert api.connections == 2

    run_scenario(scenario)


def test_a_lost_connection_costs_one_invocation() -> None:
    """If the platform drops a stream, the application's send raises and the loop serves the next event."""

    async def scenario() -> None:
        over = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            try:
                while True:
                    await body(send, b"x" * 100_000, more=True)
            finally:
                over.set()

        async with serve_app(app) as api:
            api.hang_up_after = 1
            api.invoke(GET)
            await api.finished()
            await over.wait()
            api.hang_up_after = None
            api.invoke("ping")

            assert (await api.finished()).body == b"{}"

    run_scenario(scenario)


def test_the_application_is_cancelled_before_the_deadline() -> None:
    """Before the deadline the application is cancelled, cleans up, and the stream ends with an error."""

    async def scenario() -> None:
        cleaned: list[bool] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await start(send)
            await body(send, b"first", more=True)
            try:
                await asyncio.Event().wait()
            finally:
                cleaned.append(True)

        async with serve_app(app) as api:
            started = time.monotonic()
            api.invoke(GET, timeout=0.4)
            report = await api.finished()

            assert time.monotonic() - started < 10
            assert report.failure is not None
            assert report.failure["errorType"] == "TimeoutError"
            assert cleaned == [True]

    run_scenario(scenario)
