"""A baseline: Starlette and httpx on the gateway's server and transport, without anything in between."""

import os
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from vaultcore.cli import listener
from vaultcore.shutdown import Shutdown
from vaultcore.upstream.http1.pool import Pool

URL = os.environ.get("BENCH_UPSTREAM", "") + "/chat/completions"
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-bench"}
http = httpx.AsyncClient(transport=Pool(), timeout=60, trust_env=False)


async def chat(request: Request) -> Response:
    outgoing = httpx.Request("POST", URL, headers=HEADERS, content=await request.body())
    response = await http.send(outgoing, stream=True)
    kind = response.headers["content-type"]
    if kind.startswith("text/event-stream"):
        return StreamingResponse(_chunks(response), response.status_code, media_type=kind)
    return Response(await response.aread(), response.status_code, media_type=kind)


async def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    async for chunk in response.aiter_raw():
        yield chunk
    await response.aclose()


if __name__ == "__main__":
    server = listener.listen("127.0.0.1", 0)
    print(f"base url  {listener.url(server)}/v1", flush=True)
    app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
    listener.serve(app, server, Shutdown())
