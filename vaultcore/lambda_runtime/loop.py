"""The life of a Lambda process: snapshot, restore, then one invocation after the other, each streamed.

One event loop serves them all, so that pooled connections outlive an invocation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from vaultcore.lambda_runtime import event
from vaultcore.lambda_runtime.answer import RuntimeApiError
from vaultcore.lambda_runtime.api import Invocation, ResponseStream, RuntimeApi
from vaultcore.lambda_runtime.asgi import App, Message, Scope
from vaultcore.lambda_runtime.context import Context, context
from vaultcore.lambda_runtime.failure import Failure, failure, told
from vaultcore.lambda_runtime.response import Answer

Hook = Callable[[], Awaitable[None]]
MARGIN = 0.5  # seconds before Lambda's own deadline at which an application that has not ended is stopped

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Function:
    """An application, and what is to be done around a SnapStart snapshot of it."""

    app: App
    before_snapshot: Sequence[Hook] = ()
    after_restore: Sequence[Hook] = ()


def run(build: Callable[[], Function], environ: MutableMapping[str, str]) -> None:
    """Build the function and serve it until Lambda ends the process. A failed build is reported as one."""
    asyncio.run(_live(build, environ))


async def serve(function: Function, environ: MutableMapping[str, str]) -> None:
    """Serve invocations for ever. Raises RuntimeApiError or OSError once there is no Runtime API any more."""
    with closing(RuntimeApi(environ["AWS_LAMBDA_RUNTIME_API"])) as api:
        if environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
            await _snapshot(function, api)
        while True:
            invocation = await api.next()
            _trace(invocation, environ)
            try:
                await _invoke(function.app, invocation, api, context(invocation.headers, environ))
            except (OSError, RuntimeApiError) as error:  # the next answer may fare better
                log.warning("the answer to %s was not taken: %s", invocation.id, type(error).__name__)


async def _live(build: Callable[[], Function], environ: MutableMapping[str, str]) -> None:
    try:
        function = build()
    except Exception as error:
        # No request has been seen yet, so the text quotes none: it names the setting that is wrong.
        with closing(RuntimeApi(environ["AWS_LAMBDA_RUNTIME_API"])) as api:
            await api.fail_init(told(type(error).__name__, str(error)))
        raise
    await serve(function, environ)


async def _snapshot(function: Function, api: RuntimeApi) -> None:
    await _hooks(function.before_snapshot, api.fail_init)
    await api.restored()
    await _hooks(function.after_restore, api.fail_restore)


async def _hooks(hooks: Sequence[Hook], report: Callable[[Failure], Awaitable[None]]) -> None:
    try:
        for hook in hooks:
            await hook()
    except Exception as error:
        await report(failure(error))
        raise


def _trace(invocation: Invocation, environ: MutableMapping[str, str]) -> None:
    name = "_X_AMZN_TRACE_ID"
    if trace := invocation.headers.get("lambda-runtime-trace-id"):
        environ[name] = trace
    else:
        environ.pop(name, None)


async def _invoke(app: App, invocation: Invocation, api: RuntimeApi, context: Context) -> None:
    if not event.is_http(invocation.event):
        await api.answer(invocation, b"{}")  # warm-up pings, notices that a stream was completed
        return
    exchange = _Exchange(invocation, api)
    try:
        scope, body = event.scope(invocation.event)  # type: ignore[arg-type]  # is_http has looked
        await exchange.run(app, {**scope, "aws.context": context}, body, context)
    except Exception as error:  # noqa: BLE001 - whatever the application raises ends here
        await exchange.fail(failure(error))
    else:
        await exchange.close()


class _Exchange:
    """One request and its answer, between an application and the Runtime API."""

    def __init__(self, invocation: Invocation, api: RuntimeApi) -> None:
        self._invocation, self._api = invocation, api
        self._answer = Answer()
        self._stream: ResponseStream | None = None
        self._closing: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def run(self, app: App, scope: Scope, body: bytes, context: Context) -> None:
        request: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if request:
                return request.pop()
            await self._over.wait()
            return {"type": "http.disconnect"}

        left = context.get_remaining_time_in_millis() / 1_000
        try:
            async with asyncio.timeout(left - min(MARGIN, left / 2)):
                await app(scope, receive, self._send)
        finally:
            self._over.set()

    async def fail(self, failure: Failure) -> None:
        log.error("request %s: %s, %s", self._invocation.id, failure.type, failure.message)
        if self._stream is None:
            await self._api.fail(self._invocation, failure)
        else:
            await self._end(failure)

    async def close(self) -> None:
        if self._answer.ended:
            await self._end(None)
        else:
            await self.fail(
                told("Runtime.Unfinished", "the application returned before its answer was complete")
            )

    async def _send(self, message: Message) -> None:
        data = self._answer.feed(message)
        if data and self._stream is None:
            self._stream = await self._api.open(self._invocation)
        if data and self._stream is not None:
            await self._stream.write(data)
        if self._answer.ended:
            await self._end(None)
            self._over.set()

    async def _end(self, failure: Failure | None) -> None:
        """Close the stream, once: an answer that is complete is not broken by what happens after it.

        Nor is its end, once begun, left off with a task that the application cancels.
        """
        if self._stream is not None and self._closing is None:
            self._closing = asyncio.create_task(self._stream.close(failure))
        if self._closing is not None:
            await asyncio.shield(self._closing)
