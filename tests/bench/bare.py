"""The smallest honest pass-through: the gateway's own server and transport, and nothing in between."""

import os
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from vaultcore.cli import listener
from vaultcore.upstream.http1.pool import Pool

URL = os.environ.get("BENCH_UPSTREAM", "") + "/chat/completions"
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-bench"}
http = httpx.AsyncClient(transport=Pool(), timeout=60, trust_env=False)


async def chat(request: Request) -> Response:
    outgoing = httpx.Request("POST", URL, headers=HEADERS, content=await request.body())
    answer = await http.send(outgoing, stream=True)
    kind = answer.headers["content-type"]
    if kind.startswith("text/event-stream"):
        return StreamingResponse(_pieces(answer), answer.status_code, media_type=kind)
    return Response(await answer.aread(), answer.status_code, media_type=kind)


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    async for piece in answer.aiter_raw():
        yield piece
    await answer.aclose()


if __name__ == "__main__":
    held = listener.listen("127.0.0.1", 0)
    print(f"base url  {listener.url(held)}/v1", flush=True)
    listener.serve(Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])]), held)
