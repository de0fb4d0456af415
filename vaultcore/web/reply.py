"""What goes back to a client: envelopes, headers and event streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vaultcore.call import Call
from vaultcore.errors import GatewayError
from vaultcore.money import usd
from vaultcore.surfaces import Surface

SAFE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def json_reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(content, status, {**SAFE, **(headers or {})}, media_type="application/json")


def error_reply(error: GatewayError, surface: Surface, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal in the caller's own format."""
    more = dict(headers or {})
    if error.retry_after is not None and error.status in {429, 502, 503}:
        more["retry-after"] = str(max(1, round(error.retry_after + 0.499)))
    return json_reply(surface.render_error(error), error.status, more)


def told(call: Call) -> dict[str, str]:
    """The response headers that say who answered, after how many attempts, and what it cost."""
    headers: dict[str, str] = {}
    if call.attempts:
        headers["x-vaultedge-attempts"] = str(len(call.attempts))
    if call.served is not None:
        headers["x-vaultedge-provider"] = call.served.target.provider.name
        headers["x-vaultedge-model"] = call.served.target.model.name
    if call.cost is not None:
        headers["x-vaultedge-cost-usd"] = usd(call.cost)
    if call.changes:
        headers["x-vaultedge-translation"] = str(len(call.changes))
    return {name: value for name, value in headers.items() if value.isascii() and value.isprintable()}


class EventStream:
    """An ASGI response that sends pieces as they come, and stops asking for more when the client has gone."""

    def __init__(self, pieces: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> None:
        self._pieces = pieces
        fields = {
            "content-type": "text/event-stream; charset=utf-8",
            **SAFE,
            "cache-control": "no-store, no-transform",
            "x-accel-buffering": "no",
            **headers,
        }
        self._headers = [(name.encode(), value.encode()) for name, value in fields.items()]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        gone = asyncio.create_task(_disconnect(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not sending.done():
                sending.cancel()  # closes the stream to the provider too: nobody reads what it would say
            await asyncio.gather(sending, gone, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
