"""What goes back to a client: envelopes, headers and event streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vaultcore.call import Call
from vaultcore.client_apis import ClientApi
from vaultcore.client_apis.json_text import dump
from vaultcore.dialects import report
from vaultcore.errors import GatewayError
from vaultcore.money import usd

QUIET = 15.0  # seconds; proxies and load balancers wait 30 or more
STILL_HERE = b": still here\n\n"  # a comment: no client of server-sent events sees it
SAFE = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def json_reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(content, status, {**SAFE, **(headers or {})}, media_type="application/json")


def error_reply(
    error: GatewayError, surface: ClientApi, headers: Mapping[str, str] | None = None
) -> Response:
    """A refusal in the caller's own format."""
    more = {**(headers or {}), **error.headers}
    if error.retry_after is not None and error.status in {409, 429, 502, 503}:
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
    if call.attempts and call.attempts[-1].trace is not None:
        headers["x-vaultedge-upstream-request-id"] = call.attempts[-1].trace
    if call.cost is not None:
        headers["x-vaultedge-cost-usd"] = usd(call.cost)
    if call.changes:
        headers["x-vaultedge-translation"] = str(len(call.changes))
    return {name: value for name, value in headers.items() if value.isascii() and value.isprintable()}


def epilogue(call: Call) -> bytes:
    """The comment that ends a stream: what its headers could not tell yet, and what was changed."""
    served, charge = call.served, call.charge
    whole = {
        "translation": report(call.changes),
        "cost_usd": None if charge is None else usd(charge),
        "provider": served.target.provider.name if served else None,
        "model": served.target.model.name if served else None,
        "attempts": len(call.attempts),
    }
    return b": vaultedge " + dump(whole).encode() + b"\n\n"


class EventStream:
    """An ASGI response that sends pieces as they come, and stops asking for more when the client has gone.

    After `quiet` seconds without a piece it sends a comment, lest somebody on the way takes it for dead.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        *,
        opening: bytes = b"",
        quiet: float = QUIET,
    ) -> None:
        self._pieces, self._opening, self._quiet = pieces, opening, quiet
        self._sent = 0.0  # when the last piece was, by the loop's clock
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
        keeping = asyncio.create_task(self._keep_alive(send))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            keeping.cancel()
            if not sending.done():
                sending.cancel()  # closes the stream to the provider too: nobody reads what it would say
            await asyncio.gather(sending, gone, keeping, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            now = asyncio.get_running_loop().time
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            if self._opening:
                await send({"type": "http.response.body", "body": self._opening, "more_body": True})
            self._sent = now()
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                self._sent = now()
            self._sent = 0.0
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _keep_alive(self, send: Send) -> None:
        """Send a comment whenever nothing has been sent for long, between the beginning and the end."""
        now, left = asyncio.get_running_loop().time, self._quiet
        while True:
            await asyncio.sleep(left)
            if self._sent and now() - self._sent >= self._quiet:
                await send({"type": "http.response.body", "body": STILL_HERE, "more_body": True})
                self._sent = now()
            left = max(self._quiet - (now() - self._sent), 0.001) if self._sent else self._quiet


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
