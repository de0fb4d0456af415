"""Sends requests to providers over a transport of httpx: simulators and tests have no socket.

Deployments use `http1.pool.Pool`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx

from vaultcore.upstream.transport import (
    ConnectFailed,
    ConnectTimeout,
    TransportError,
    TransportRequest,
)


class HttpxTransport:
    """A transport that turns requests, responses and errors into httpx's and back."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def send(self, request: TransportRequest, until: float) -> HttpxResponse:
        """Send a request. Raises TransportError, or TimeoutError at `until`."""
        outgoing = httpx.Request(
            request.method,
            str(request.url),
            headers=request.header_fields(),
            content=request.content,
            extensions={"timeout": {"connect": request.connect_timeout}},
        )
        try:
            async with asyncio.timeout_at(until):
                return HttpxResponse(await self._transport.handle_async_request(outgoing))
        except httpx.ConnectTimeout as error:
            raise ConnectTimeout from error
        except httpx.ConnectError as error:
            raise ConnectFailed from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TransportError from error

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


class HttpxResponse:
    """A response of httpx."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._chunks: AsyncIterator[bytes] = response.aiter_raw()
        self.status = response.status_code
        self.headers = dict(response.headers.items())

    async def read(self, until: float) -> bytes:
        """Return the next bytes. Raises TransportError, or TimeoutError at `until`."""
        try:
            async with asyncio.timeout_at(until):
                while (chunk := await anext(self._chunks, None)) is not None:
                    if chunk:
                        return chunk
                return b""
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise TransportError from error

    async def close(self) -> None:
        """Close the response; ignore errors."""
        try:
            await self._response.aclose()
        except (httpx.HTTPError, OSError):
            return
