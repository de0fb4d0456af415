"""One request over a pool and its whole response, for the tests of the transport."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.transport import TransportRequest
from vaultcore.upstream.url import parse_url

BODY = b'{"model": "m"}'
SECONDS = 10.0  # for a whole exchange


class Response(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


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
