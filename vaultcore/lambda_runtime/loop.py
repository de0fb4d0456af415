"""The main loop of a Lambda process: snapshot, restore, then one streamed invocation after the other.

One event loop serves all invocations, so that pooled connections survive between them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import closing

from vaultcore.lambda_runtime import event
from vaultcore.lambda_runtime.api import Invocation, ResponseStream, RuntimeApi
from vaultcore.lambda_runtime.asgi import App, Message, Scope
from vaultcore.lambda_runtime.connection import RuntimeApiError
from vaultcore.lambda_runtime.context import InvocationContext, build_context
from vaultcore.lambda_runtime.error_report import ErrorReport, build_report, report_exception
from vaultcore.lambda_runtime.response import ResponseEncoder
from vaultcore.lazy_dataclass import dataclass

Hook = Callable[[], Awaitable[None]]
MARGIN = 0.5  # seconds before Lambda's deadline at which a running application is cancelled

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LambdaFunction:
    """An ASGI application and its SnapStart hooks."""

    app: App
    before_snapshot: Sequence[Hook] = ()
    after_restore: Sequence[Hook] = ()


def run(build: Callable[[], LambdaFunction], environ: MutableMapping[str, str]) -> None:
    """Build the function and serve it until Lambda ends the process. Report a failed build to Lambda."""
    asyncio.run(_build_and_serve(build, environ))


async def serve(function: LambdaFunction, environ: MutableMapping[str, str]) -> None:
    """Serve invocations forever. Raise RuntimeApiError or OSError when the Runtime API is unreachable."""
    with closing(RuntimeApi(environ["AWS_LAMBDA_RUNTIME_API"])) as api:
        if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
            await _run_snapshot_hooks(function, api)
        while True:
            invocation = await api.next()
            _export_trace_id(invocation, environ)
            try:
                await _invoke(function.app, invocation, api, build_context(invocation.headers, environ))
            except (OSError, RuntimeApiError) as error:  # the next invocation may succeed
                log.warning("response to %s not accepted: %s", invocation.id, type(error).__name__)


async def _build_and_serve(build: Callable[[], LambdaFunction], environ: MutableMapping[str, str]) -> None:
    try:
        function = build()
    except Exception as error:
        # The text is safe to report: no request has arrived yet, and it names the wrong setting.
        with closing(RuntimeApi(environ["AWS_LAMBDA_RUNTIME_API"])) as api:
            await api.fail_init(build_report(type(error).__name__, str(error)))
        raise
    await serve(function, environ)


async def _run_snapshot_hooks(function: LambdaFunction, api: RuntimeApi) -> None:
    await _run_hooks(function.before_snapshot, api.fail_init)
    await api.wait_for_restore()
    await _run_hooks(function.after_restore, api.fail_restore)


async def _run_hooks(hooks: Sequence[Hook], report: Callable[[ErrorReport], Awaitable[None]]) -> None:
    try:
        for hook in hooks:
            await hook()
    except Exception as error:
        await report(report_exception(error))
        raise


def _export_trace_id(invocation: Invocation, environ: MutableMapping[str, str]) -> None:
    name = "_X_AMZN_TRACE_ID"
    if trace := invocation.headers.get("lambda-runtime-trace-id"):
        environ[name] = trace
    else:
        environ.pop(name, None)


async def _invoke(app: App, invocation: Invocation, api: RuntimeApi, context: InvocationContext) -> None:
    if not event.is_http(invocation.event):
        await api.respond(invocation, b"{}")  # warm-up pings, and notices that a stream is complete
        return
    streamed = _StreamedInvocation(invocation, api)
    try:
        scope, body = event.build_scope(invocation.event)  # type: ignore[arg-type]  # is_http has checked it
        await streamed.run(app, {**scope, "aws.context": context}, body, context)
    except Exception as error:  # noqa: BLE001 - the report covers any exception of the application
        await streamed.fail(report_exception(error))
    else:
        await streamed.close()


class _StreamedInvocation:
    """Passes one request to an application and its response to the Runtime API."""

    def __init__(self, invocation: Invocation, api: RuntimeApi) -> None:
        self._invocation, self._api = invocation, api
        self._encoder = ResponseEncoder()
        self._stream: ResponseStream | None = None
        self._closing: asyncio.Task[None] | None = None
        self._finished = asyncio.Event()

    async def run(self, app: App, scope: Scope, body: bytes, context: InvocationContext) -> None:
        request: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if request:
                return request.pop()
            await self._finished.wait()
            return {"type": "http.disconnect"}

        remaining = context.get_remaining_time_in_millis() / 1_000  # seconds
        try:
            async with asyncio.timeout(remaining - min(MARGIN, remaining / 2)):
                await app(scope, receive, self._send)
        finally:
            self._finished.set()

    async def fail(self, report: ErrorReport) -> None:
        log.error("request %s: %s, %s", self._invocation.id, report.type, report.message)
        if self._stream is None:
            await self._api.fail(self._invocation, report)
        else:
            await self._end(report)

    async def close(self) -> None:
        if self._encoder.ended:
            await self._end(None)
        else:
            await self.fail(build_report("Runtime.Unfinished", "the application sent an incomplete response"))

    async def _send(self, message: Message) -> None:
        data = self._encoder.feed(message)
        if data and self._stream is None:
            self._stream = await self._api.open(self._invocation)
        if data and self._stream is not None:
            await self._stream.write(data)
        if self._encoder.ended:
            await self._end(None)
            self._finished.set()

    async def _end(self, report: ErrorReport | None) -> None:
        """Close the stream once, so that a later failure does not break a complete response.

        Closing also continues if the application cancels the task that sent the last message.
        """
        if self._stream is not None and self._closing is None:
            self._closing = asyncio.create_task(self._stream.close(report))
        if self._closing is not None:
            await asyncio.shield(self._closing)
