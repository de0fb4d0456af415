"""A baseline: Starlette on the gateway's server and transport, without anything in between."""

import asyncio
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from vaultcore.cli import listener
from vaultcore.shutdown import Shutdown
from vaultcore.upstream.http1.pool import Pool
from vaultcore.upstream.transport import TransportRequest, TransportResponse
from vaultcore.upstream.url import parse_url

URL = parse_url(os.environ.get("BENCH_UPSTREAM", "http://127.0.0.1:1") + "/chat/completions")
FIELDS = f"host: {URL.authority}\r\ncontent-type: application/json\r\nauthorization: Bearer sk-bench\r\n"
SECONDS = 60.0  # for a whole exchange
pool = Pool()


async def chat(request: Request) -> Response:
    content, until = await request.body(), asyncio.get_running_loop().time() + SECONDS
    head = f"POST {URL.target} HTTP/1.1\r\n{FIELDS}content-length: {len(content)}\r\n\r\n"
    response = await pool.send(TransportRequest("POST", URL, head.encode(), content), until)
    kind = response.headers["content-type"]
    if kind.startswith("text/event-stream"):
        return StreamingResponse(_chunks(response, until), response.status, media_type=kind)
    body = b"".join([chunk async for chunk in _chunks(response, until)])
    return Response(body, response.status, media_type=kind)


async def _chunks(response: TransportResponse, until: float) -> AsyncIterator[bytes]:
    while chunk := await response.read(until):
        yield chunk
    await response.close()


if __name__ == "__main__":
    server = listener.listen("127.0.0.1", 0)
    print(f"base url  {listener.url(server)}/v1", flush=True)
    app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
    listener.serve(app, server, Shutdown())
