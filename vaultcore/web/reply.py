"""Responses to clients: JSON bodies, errors, headers about the call, and event streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.types import Receive, Scope, Send

from vaultcore.call import Call
from vaultcore.casts import cast
from vaultcore.client_apis import ClientApi
from vaultcore.dialects import report_changes
from vaultcore.errors import GatewayError, whole_seconds
from vaultcore.json_codec import dumps, dumps_text
from vaultcore.money import format_usd
from vaultcore.streams.framing import StreamFraming
from vaultcore.wire import Json

HEARTBEAT = 15.0  # seconds; proxies and load balancers close after 30 or more without data
SAFE_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
JSON_HEADERS = {"content-type": "application/json", **SAFE_HEADERS}
SHOULD_RETRY = "x-should-retry"  # OpenAI's and Anthropic's SDKs and Claude Code obey it
FINAL = frozenset({400, 401, 402, 403, 404})  # statuses that a repetition does not change
UNKNOWN_WAIT = 3_600.0  # seconds; nobody knows when an operator grants new credits
WITH_RETRY_AFTER = frozenset({409, 429, 502, 503})  # statuses


class ClientResponse:
    """A whole response; as an ASGI application, it sends itself."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        self.body, self.status = body, status
        self.headers = {**(headers or {}), "content-length": str(len(body))}

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json_response(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> ClientResponse:
    """Return a JSON response that no cache stores."""
    try:
        content = dumps(body)
    except UnicodeEncodeError:  # a lone surrogate
        content = dumps_text(body).encode("utf-8", "replace")
    return ClientResponse(content, status, {**JSON_HEADERS, **(headers or {})})


def error_response(
    error: GatewayError, api: ClientApi, headers: Mapping[str, str] | None = None
) -> ClientResponse:
    """Return an error in the format of the client's API."""
    own_status = getattr(api, "error_status", None)  # see OwnErrorStatus
    status = own_status(error) if own_status else error.status
    fields = {**(headers or {}), **error.headers}
    if error.is_budget_used or status in FINAL:
        fields[SHOULD_RETRY] = "false"
    wait = error.retry_after
    if wait is None and error.is_budget_used and own_status:
        wait = UNKNOWN_WAIT
    if wait is not None and status in WITH_RETRY_AFTER:
        fields["retry-after"] = str(whole_seconds(wait))
    return json_response(api.render_error(error), status, fields)


def call_headers(call: Call) -> dict[str, str]:
    """Return the response headers about a call: provider, model, attempts, cost, translation changes."""
    outcome = call.outcome
    headers: dict[str, str] = {}
    if outcome.attempts:
        latest = outcome.attempts[-1]
        target, upstream_id = latest.candidate.target, latest.upstream_request_id
        headers["x-vaultedge-attempts"] = str(len(outcome.attempts))
        headers["x-vaultedge-provider"] = target.provider.name
        headers["x-vaultedge-model"] = target.model.name
        if upstream_id is not None:
            headers["x-vaultedge-upstream-request-id"] = upstream_id
    if (cost := outcome.total_cost) is not None:
        headers["x-vaultedge-cost-usd"] = format_usd(cost)
    if outcome.changes:
        headers["x-vaultedge-translation"] = str(len(outcome.changes))
    return {name: value for name, value in headers.items() if value.isascii() and value.isprintable()}


def stream_report(call: Call) -> Json:
    """Return the report at the end of an explained stream: what its headers could not contain yet.

    `{"translation": [...], "cost_usd": "0.0001", "provider": …, "model": …, "attempts": 1}`
    """
    outcome = call.outcome
    candidate, charge = outcome.candidate, outcome.charge
    return {
        "translation": report_changes(outcome.changes),
        "cost_usd": None if charge is None else format_usd(charge),
        "provider": candidate.target.provider.name if candidate else None,
        "model": candidate.target.model.name if candidate else None,
        "attempts": len(outcome.attempts),
    }


class EventStream:
    """An ASGI response that sends a stream as it arrives, and closes it when the client disconnects.

    After `heartbeat` seconds without data it sends the framing's keep-alive, so that no proxy closes the
    connection. One timer per stream compares the time with that of the last data.
    """

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        framing: StreamFraming,
        *,
        opening: bytes = b"",
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._chunks, self._opening, self._heartbeat = chunks, opening, heartbeat
        self._keep_alive_bytes = framing.keep_alive
        self._last_sent = 0.0  # in the loop's time; 0: not started, or finished
        self._sending_keep_alive: asyncio.Task[None] | None = None
        fields = {
            "content-type": framing.content_type,
            **SAFE_HEADERS,
            "cache-control": "no-store, no-transform",
            "x-accel-buffering": "no",
            **headers,
        }
        self._headers = [(name.encode(), value.encode()) for name, value in fields.items()]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        sending = loop.create_task(self._send(send))  # a task of its own has no frames of the request below
        self._timer = loop.call_later(self._heartbeat, self._time_is_up, send)
        try:
            await _disconnect_or_end(receive, sending)
        finally:
            self._last_sent = 0.0
            self._timer.cancel()
            if self._sending_keep_alive is not None:
                self._sending_keep_alive.cancel()
            if not sending.done():
                sending.cancel()  # this closes the provider's stream too
                await asyncio.gather(sending, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        async with aclosing(self._chunks) as chunks:
            now = asyncio.get_running_loop().time
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            if self._opening:
                await send({"type": "http.response.body", "body": self._opening, "more_body": True})
            self._last_sent = now()
            async for chunk in chunks:
                if not chunk:
                    continue
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                self._last_sent = now()
            self._last_sent = 0.0
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _time_is_up(self, send: Send) -> None:
        """Send the keep-alive if nothing was sent for a heartbeat, and set the timer again."""
        loop, wait = asyncio.get_running_loop(), self._heartbeat
        if self._last_sent:
            wait -= loop.time() - self._last_sent
        if wait <= 0:
            wait, previous = self._heartbeat, self._sending_keep_alive
            if previous is None or previous.done():
                self._sending_keep_alive = loop.create_task(self._keep_alive(send))
        self._timer = loop.call_later(wait, self._time_is_up, send)

    async def _keep_alive(self, send: Send) -> None:
        if self._last_sent:
            await send({"type": "http.response.body", "body": self._keep_alive_bytes, "more_body": True})
        if self._last_sent:  # the stream has not ended meanwhile
            self._last_sent = asyncio.get_running_loop().time()


async def _disconnect_or_end(receive: Receive, sending: asyncio.Task[None]) -> None:
    """Return when the client has disconnected, or when everything was sent."""
    request, is_waiting, has_ended = cast("asyncio.Task[object]", asyncio.current_task()), True, False

    def stop_waiting(_: object) -> None:
        nonlocal has_ended
        if is_waiting:  # servers end the wait themselves, most of them
            has_ended = True
            request.cancel()

    sending.add_done_callback(stop_waiting)
    try:
        while (await receive())["type"] != "http.disconnect":  # noqa: ASYNC110 - `receive` is what waits
            await asyncio.sleep(0)  # a server that repeats the request at once must not stop the event loop
    except asyncio.CancelledError:
        if not has_ended or request.uncancel():
            raise
    finally:
        is_waiting = False
