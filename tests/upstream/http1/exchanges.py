"""One request over a pool and its whole response, for the tests of the transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.transport import TransportRequest
from vaultcore.upstream.url import parse_url

BODY = b'{"model": "m"}'
SECONDS = 10.0  # for a whole exchange
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Run a server; yield its URL. At the end, stop the handlers and close their connections."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}/"
        await asyncio.wait(tasks, timeout=0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


def request_to(url: str, content: bytes = BODY, *, is_direct: bool = False) -> TransportRequest:
    """Return a POST with the fewest headers."""
    parsed = parse_url(url)
    head = (
        f"POST {parsed.target} HTTP/1.1\r\nhost: {parsed.authority}\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return TransportRequest("POST", parsed, head.encode(), content, is_direct=is_direct)


async def fetch(http: Pool, request: TransportRequest) -> Response:
    """Return a whole response; raise what the pool raises."""
    until = asyncio.get_running_loop().time() + SECONDS
    response = await http.send(request, until)
    try:
        chunks = []
        while chunk := await response.read(until):
            chunks.append(chunk)
        return Response(response.status, response.headers, b"".join(chunks))
    finally:
        await response.close()


async def post(http: Pool, base_url: str) -> Response:
    """Return the response to a chat request."""
    return await fetch(http, request_to(f"{base_url}/chat/completions"))
