"""The outermost ASGI wrapper: every request gets an id, and no exception leaves without an error body."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaultcore.endpoints import api_at
from vaultcore.errors import CLIENT_DISCONNECTED, GatewayError, InvalidRequest, Unauthorized, UpgradeRequired
from vaultcore.services import Services
from vaultcore.web import request_target
from vaultcore.web.client_request import ClientDisconnected, ClientRequest
from vaultcore.web.deadline import remaining_time
from vaultcore.web.internal_error import internal_error, location
from vaultcore.web.refusals import note_refusal
from vaultcore.web.reply import ClientResponse, error_response, json_response

ID_BYTES = 12  # of a request id
# Header fields that a request must not repeat: a proxy and the gateway could read different values.
SINGLE_FIELDS = ("host", "authorization", "x-api-key", "api-key", "x-goog-api-key")


class RequestMiddleware:
    """Names each request, observes it, and answers 500 if nothing else has answered.

    The id is in `scope["state"]["request_id"]`; endpoints read the request with `ClientRequest.of(scope)`.
    """

    def __init__(self, app: ASGIApp, services: Services, close: Callable[[], Awaitable[None]]) -> None:
        self._app, self._services, self._close = app, services, close
        self._log, self._observer = services.log, services.observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._lifespan(scope, receive, send)
            return
        request = self._begin(scope, receive)
        observed, has_started = request.observed, False

        async def send_with_id(message: Message) -> None:
            nonlocal has_started
            if not has_started:
                has_started = True
                observed.status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_id_headers(request)]
            await send(message)

        try:
            try:
                _check_header_fields(request)
                await self._services.shutdown.run(self._app(scope, receive, send_with_id))
            except GatewayError as error:
                note_refusal(self._services, request, error)
                if not has_started:  # it has, if a stream was ended because the server stops
                    await _error_reply(request, error)(scope, receive, send_with_id)
        except ClientDisconnected:  # raised while the body is read; there is nobody to answer
            observed.status = CLIENT_DISCONNECTED
            self._log.request(
                request_id=observed.id, path=request.path, status=CLIENT_DISCONNECTED, code=None
            )
        except Exception as error:  # noqa: BLE001 - the last resort: every request gets an answer
            self._log.error("crash", request_id=observed.id, kind=type(error).__name__, at=location(error))
            if not has_started:
                await _crash_reply(request)(scope, receive, send_with_id)
        finally:
            self._end(request)
        if self._observer.has_output or not self._services.refusals.has_timer:
            await self._services.refusals.flush_after_request(remaining_time(scope) / 4)
            await self._observer.flush(remaining_time(scope) / 2)

    def _begin(self, scope: Scope, receive: Receive) -> ClientRequest:
        """Return the request of a scope, observed, and prepare the scope for the application."""
        request_target.prepare(scope, accept_key=bool(self._services.settings.query_keys))
        request = ClientRequest(scope, receive)
        request.observed = observed = self._observer.begin(os.urandom(ID_BYTES).hex(), request)
        scope["state"] = {**scope.get("state", {}), "request_id": observed.id}
        scope["app"] = self._app  # with an app in the scope, the router raises its errors
        return request

    def _end(self, request: ClientRequest) -> None:
        request.detach()
        observed = request.observed
        if observed.status == Unauthorized.status:
            self._services.refusals.note_unauthorized()
        if self._observer.has_output:
            self._observer.end(observed)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        while scope["type"] == "lifespan":
            match (await receive())["type"]:
                case "lifespan.startup":
                    await send({"type": "lifespan.startup.complete"})
                case "lifespan.shutdown":
                    await self._services.refusals.flush(all_keys=True)
                    await self._observer.aclose()
                    await self._close()
                    await send({"type": "lifespan.shutdown.complete"})
                    return


def _id_headers(request: ClientRequest) -> list[tuple[bytes, bytes]]:
    value = request.observed.id.encode()
    name = getattr(api_at(request.path, request.headers), "request_id_header", None)  # see OwnRequestId
    return [(b"x-request-id", value), *([] if name is None else [(name.encode(), value)])]


def _check_header_fields(request: ClientRequest) -> None:
    """Raise InvalidRequest if a field of SINGLE_FIELDS is repeated, or if an HTTP/1.1 request has no Host.

    RFC 9112, section 3.2, requires status 400 for a missing or repeated Host. Raise UpgradeRequired if the
    client wants a WebSocket, at any path.
    """
    if "upgrade" in request.headers and "websocket" in map(str.lower, request.values("upgrade")):
        raise UpgradeRequired
    for field in SINGLE_FIELDS if request.is_repeating else ():
        if len(request.values(field)) > 1:
            raise InvalidRequest(f"the header {field!r} is repeated; send it once", param=field)
    # Lambda events that the AWS console sends as a test have no Host.
    scope = request.scope
    if "host" not in request.headers and scope.get("http_version") == "1.1" and "aws.event" not in scope:
        raise InvalidRequest("the header 'host' is missing; HTTP/1.1 requires it", param="host")


def _error_reply(request: ClientRequest, error: GatewayError) -> ClientResponse:
    return error_response(error, api_at(request.path, request.headers))


def _crash_reply(request: ClientRequest) -> ClientResponse:
    api = api_at(request.path, request.headers)
    return json_response(api.render_error(internal_error(request.observed.id)), 500)
