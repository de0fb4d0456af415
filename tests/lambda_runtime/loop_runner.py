"""Runs the loop against a fake Runtime API, with minimal applications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.lambda_runtime.runtime_api import RuntimeApiServer, runtime_api
from vaultcore.lambda_runtime.loop import LambdaFunction, serve

GET = {
    "resource": "/v1/{proxy+}",
    "path": "/v1/models",
    "httpMethod": "GET",
    "multiValueHeaders": {"X-A": ["1", "2"]},
    "pathParameters": {"proxy": "models"},
    "requestContext": {"path": "/prod/v1/models", "stage": "prod", "domainName": "d.example"},
    "body": None,
    "isBase64Encoded": False,
}


def run_scenario(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(bounded())


@asynccontextmanager
async def serve_app(
    app: Any, environ: dict[str, str] | None = None, **hooks: Any
) -> AsyncIterator[RuntimeApiServer]:
    """Run the loop with `app` against a fake Runtime API."""
    async with runtime_api() as api:
        environ = {} if environ is None else environ
        environ["AWS_LAMBDA_RUNTIME_API"] = api.address
        loop = asyncio.create_task(serve(LambdaFunction(app, **hooks), environ))
        try:
            yield api
        finally:
            if not loop.done():
                loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop


async def start(send: Any, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def body(send: Any, data: bytes, more: bool = False) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await start(send, 200, (b"content-type", b"text/plain"))
    await body(send, b"hello " + scope["path"].encode())
