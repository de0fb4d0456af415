"""The outermost wrapper: every request gets an id, and no exception leaves without an envelope."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaultcore.errors import GatewayError
from vaultcore.telemetry import Log
from vaultcore.tracing import Observer
from vaultcore.web.deadline import time_left
from vaultcore.web.reply import SAFE
from vaultcore.web.router_errors import refused, spoken


class RequestMiddleware:
    """Names the request in `scope["state"]["request_id"]`, and answers 500 where nothing else answered.

    What is known of it from outside stands beside its name as `visit`, and is told when it is over.
    """

    def __init__(self, app: ASGIApp, log: Log, watch: Observer, close: Callable[[], Awaitable[None]]) -> None:
        self._app, self._log, self._watch, self._close = app, log, watch, close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        request_id = secrets.token_hex(12)
        visit = self._watch.begin(request_id, scope)
        scope["state"] = {**scope.get("state", {}), "request_id": request_id, "visit": visit}
        scope["app"] = self._app  # so that the router raises what it refuses
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                named = (b"x-request-id", request_id.encode())
                message = {**message, "headers": [*message.get("headers", ()), named]}
            await send(message)

        try:
            try:
                await self._app(scope, receive, sending)
            except (GatewayError, HTTPException) as error:
                await refused(Request(scope), error)(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - the last resort: nothing may leave without an answer
            self._log.trouble("crash", request_id=request_id, kind=type(error).__name__, at=_place(error))
            if not started:
                await _crash(scope["path"], sending)
        finally:
            self._watch.end(visit)
        await self._watch.flush(time_left(scope) / 2)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            match (await receive())["type"]:
                case "lifespan.startup":
                    await send({"type": "lifespan.startup.complete"})
                case "lifespan.shutdown":
                    await self._watch.aclose()
                    await self._close()
                    await send({"type": "lifespan.shutdown.complete"})
                    return


async def _crash(path: str, send: Send) -> None:
    error = GatewayError("an internal error; its log line bears the request id")
    body = json.dumps(spoken(path).render_error(error))
    headers = {"content-type": "application/json", **SAFE}
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 500, "headers": fields})
    await send({"type": "http.response.body", "body": body.encode()})


def _place(error: BaseException) -> str:
    """The line that raised: never the message, which may quote what must not be logged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"
