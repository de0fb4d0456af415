"""The outermost ASGI wrapper: every request gets an id, and no exception leaves without an error body."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaultcore.endpoints import errors_at
from vaultcore.errors import GatewayError
from vaultcore.telemetry import Log
from vaultcore.tracing import Observer
from vaultcore.web.deadline import remaining_time
from vaultcore.web.reply import SAFE_HEADERS
from vaultcore.web.router_errors import router_error


class RequestMiddleware:
    """Names each request, observes it, and answers 500 if nothing else has answered.

    The id is in `scope["state"]["request_id"]`; data endpoints read the observed request with
    `HttpRequest.of(scope)`.
    """

    def __init__(
        self, app: ASGIApp, log: Log, observer: Observer, close: Callable[[], Awaitable[None]]
    ) -> None:
        self._app, self._log, self._observer, self._close = app, log, observer, close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        request_id = secrets.token_hex(12)
        http_request = self._observer.begin(request_id, scope)
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        http_request.attach(scope)
        scope["app"] = self._app  # with an app in the scope, the router raises its errors
        has_started = False

        async def send_with_id(message: Message) -> None:
            nonlocal has_started
            has_started = True
            if message["type"] == "http.response.start":
                http_request.status = message["status"]
                header = (b"x-request-id", request_id.encode())
                message = {**message, "headers": [*message.get("headers", ()), header]}
            await send(message)

        try:
            try:
                await self._app(scope, receive, send_with_id)
            except (GatewayError, HTTPException) as error:
                await router_error(Request(scope), error)(scope, receive, send_with_id)
        except Exception as error:  # noqa: BLE001 - the last resort: every request gets an answer
            self._log.error("crash", request_id=request_id, kind=type(error).__name__, at=_location(error))
            if not has_started:
                await _send_crash(scope["path"], request_id, send_with_id)
        finally:
            self._observer.end(http_request)
        await self._observer.flush(remaining_time(scope) / 2)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            match (await receive())["type"]:
                case "lifespan.startup":
                    await send({"type": "lifespan.startup.complete"})
                case "lifespan.shutdown":
                    await self._observer.aclose()
                    await self._close()
                    await send({"type": "lifespan.shutdown.complete"})
                    return


async def _send_crash(path: str, request_id: str, send: Send) -> None:
    error = GatewayError(f"internal error; see the log for request ID {request_id}")
    body = json.dumps(errors_at(path).render_error(error))
    headers = {"content-type": "application/json", **SAFE_HEADERS}
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 500, "headers": fields})
    await send({"type": "http.response.body", "body": body.encode()})


def _location(error: BaseException) -> str:
    """Return module and line of the exception; its message may contain what must not be logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
