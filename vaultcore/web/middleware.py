"""The outermost ASGI wrapper: every request gets an id, and no exception leaves without an error body."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaultcore.client_apis import OwnRequestId
from vaultcore.endpoints import api_at
from vaultcore.errors import CLIENT_DISCONNECTED, GatewayError, InvalidRequest, Unauthorized, UpgradeRequired
from vaultcore.services import Services
from vaultcore.tracing import HttpRequest
from vaultcore.web import request_target
from vaultcore.web.deadline import remaining_time
from vaultcore.web.internal_error import internal_error, location
from vaultcore.web.refusals import note_refusal
from vaultcore.web.reply import SAFE_HEADERS
from vaultcore.web.router_errors import router_error

# Header fields that a request must not repeat: a proxy and the gateway could read different values.
SINGLE_FIELDS = frozenset({b"host", b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key"})


class RequestMiddleware:
    """Names each request, observes it, and answers 500 if nothing else has answered.

    The id is in `scope["state"]["request_id"]`; data endpoints read the observed request with
    `HttpRequest.of(scope)`.
    """

    def __init__(self, app: ASGIApp, services: Services, close: Callable[[], Awaitable[None]]) -> None:
        self._app, self._services, self._close = app, services, close
        self._log, self._observer = services.log, services.observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        http_request, has_started = self._begin(scope), False
        request_id = http_request.id

        async def send_with_id(message: Message) -> None:
            nonlocal has_started
            has_started = True
            if message["type"] == "http.response.start":
                http_request.status = message["status"]
                headers = [*message.get("headers", ()), *_id_headers(scope, request_id)]
                message = {**message, "headers": headers}
            await send(message)

        try:
            try:
                with self._services.shutdown.running_request():
                    _check_header_fields(scope)
                    await self._app(scope, receive, send_with_id)
            except (GatewayError, HTTPException) as error:
                note_refusal(self._services, scope, error)
                if not has_started:  # it has, if a stream was ended because the server stops
                    await router_error(Request(scope), error)(scope, receive, send_with_id)
        except ClientDisconnect:  # raised while the body is read; there is nobody to answer
            http_request.status = CLIENT_DISCONNECTED
            self._log.request(
                request_id=request_id, path=scope["path"], status=CLIENT_DISCONNECTED, code=None
            )
        except Exception as error:  # noqa: BLE001 - the last resort: every request gets an answer
            self._log.error("crash", request_id=request_id, kind=type(error).__name__, at=location(error))
            if not has_started:
                await _send_crash(Request(scope), request_id, send_with_id)
        finally:
            self._end(http_request)
        await self._services.refusals.flush_after_request(remaining_time(scope) / 4)
        await self._observer.flush(remaining_time(scope) / 2)

    def _begin(self, scope: Scope) -> HttpRequest:
        """Return the observed request of a scope, and prepare the scope for the application."""
        request_target.prepare(scope, accept_key=bool(self._services.settings.query_keys))
        http_request = self._observer.begin(secrets.token_hex(12), scope)
        scope["state"] = {**scope.get("state", {}), "request_id": http_request.id}
        http_request.attach(scope)
        scope["app"] = self._app  # with an app in the scope, the router raises its errors
        return http_request

    def _end(self, http_request: HttpRequest) -> None:
        if http_request.status == Unauthorized.status:
            self._services.refusals.note_unauthorized()
        self._observer.end(http_request)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            match (await receive())["type"]:
                case "lifespan.startup":
                    await send({"type": "lifespan.startup.complete"})
                case "lifespan.shutdown":
                    await self._services.refusals.flush(all_keys=True)
                    await self._observer.aclose()
                    await self._close()
                    await send({"type": "lifespan.shutdown.complete"})
                    return


def _id_headers(scope: Scope, request_id: str) -> list[tuple[bytes, bytes]]:
    api = api_at(scope["path"], Headers(scope=scope))
    names = ["x-request-id", *([api.request_id_header] if isinstance(api, OwnRequestId) else ())]
    return [(name.encode(), request_id.encode()) for name in names]


def _check_header_fields(scope: Scope) -> None:
    """Raise InvalidRequest if a field of SINGLE_FIELDS is repeated, or if an HTTP/1.1 request has no Host.

    RFC 9112, section 3.2, requires status 400 for a missing or repeated Host. Raise UpgradeRequired if the
    client wants a WebSocket, at any path.
    """
    if any(name == b"upgrade" and value.lower() == b"websocket" for name, value in scope["headers"]):
        raise UpgradeRequired
    names = [name for name, _ in scope["headers"] if name in SINGLE_FIELDS]
    for name in names:
        if names.count(name) > 1:
            field = name.decode()
            raise InvalidRequest(f"the header {field!r} is repeated; send it once", param=field)
    # Lambda events that the AWS console sends as a test have no Host.
    if scope.get("http_version") == "1.1" and b"host" not in names and "aws.event" not in scope:
        raise InvalidRequest("the header 'host' is missing; HTTP/1.1 requires it", param="host")


async def _send_crash(request: Request, request_id: str, send: Send) -> None:
    api = api_at(request.url.path, request.headers)
    body = json.dumps(api.render_error(internal_error(request_id)))
    headers = {"content-type": "application/json", **SAFE_HEADERS}
    fields = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 500, "headers": fields})
    await send({"type": "http.response.body", "body": body.encode()})
