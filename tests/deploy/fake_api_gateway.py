"""A fake API Gateway for streamed functions: an HTTP server that passes requests to a fake Runtime API.

It forwards each chunk of a response when it arrives, which the emulator cannot do. It serves one request at a
time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.lambda_runtime.runtime_api import DELIMITER, Report, RuntimeApiServer

STAGE = "prod"


class FakeApiGateway:
    """Serves `/prod/...` like a REST API stage with a streaming integration."""

    def __init__(self, api: RuntimeApiServer) -> None:
        self._api = api

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
            method, target, _ = lines[0].split(" ")
            headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            size = next(
                (int(value) for name, value in headers.items() if name.lower() == "content-length"), 0
            )
            self._api.invoke(event(method, target, headers, (await reader.readexactly(size)).decode()))
            await self._respond(await self._api.report(), writer)
        finally:
            writer.close()

    async def _respond(self, report: Report, writer: asyncio.StreamWriter) -> None:
        while DELIMITER not in report.body:
            assert await report.chunks.get() is not None, report.body
        head, sent_bytes = report.head, 0
        fields = {**head["headers"], "connection": "close", "transfer-encoding": "chunked"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if name != "content-length")
        writer.write(f"HTTP/1.1 {head['statusCode']} OK\r\n{lines}\r\n".encode("latin-1"))
        ended = False
        while not ended or sent_bytes < len(report.content):
            chunk, sent_bytes = report.content[sent_bytes:], len(report.content)
            if chunk:
                writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await writer.drain()
            if not ended:
                ended = await report.chunks.get() is None
        writer.write(b"0\r\n\r\n")
        await writer.drain()


def event(method: str, target: str, headers: Mapping[str, str], body: str) -> dict[str, Any]:
    """Return API Gateway's event for a request."""
    path, _, query = target.partition("?")
    inner = path.removeprefix(f"/{STAGE}")
    parameters = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    return {
        "resource": "/v1/{proxy+}",
        "path": inner,
        "httpMethod": method,
        "headers": dict(headers),
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(parameters) or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in parameters} or None,
        "pathParameters": {"proxy": inner.removeprefix("/v1/")},
        "requestContext": {
            "stage": STAGE,
            "path": path,
            "httpMethod": method,
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": body or None,
        "isBase64Encoded": False,
    }


@asynccontextmanager
async def serve_api_gateway(api: RuntimeApiServer) -> AsyncIterator[str]:
    """Yield the stage's URL."""
    server = await asyncio.start_server(FakeApiGateway(api).serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/{STAGE}"
    finally:
        server.close()
