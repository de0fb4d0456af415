"""Sends one request to an ASGI application as Lambda does: with a context that has the remaining time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from tests.fakes.gateway_app import SYSTEM
from vaultcore.lambda_runtime.context import InvocationContext

CHAT_BODY = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": CHAT_BODY,
    "/v1/messages": CHAT_BODY,
    "/v1/responses": {"input": "hi", "max_output_tokens": 50},
}


@dataclass
class RecordedResponse:
    """A response and the arrival times of its chunks, in seconds from the start."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    ended: float | None = None

    @property
    def body(self) -> bytes:
        return b"".join(chunk for _, chunk in self.chunks)


async def send_request(
    app: ASGIApp, path: str, model: str, seconds: float, **fields: Any
) -> RecordedResponse:
    """Send a request with `seconds` remaining of its invocation, and record the response."""
    started, response = time.monotonic(), RecordedResponse()
    body = json.dumps({**BODIES.get(path, CHAT_BODY), "model": model, **fields}).encode()
    request: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
    finished = asyncio.Event()

    async def receive() -> MutableMapping[str, Any]:
        if request:
            return request.pop()
        await finished.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        now = time.monotonic() - started
        if message["type"] == "http.response.start":
            response.status = message["status"]
            response.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        response.chunks.append((now, message.get("body", b"")))
        if not message.get("more_body"):
            response.ended = now

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [
            (b"host", b"gateway.example"),
            (b"authorization", f"Bearer {SYSTEM}".encode()),
            (b"content-type", b"application/json"),
        ],
        "client": ("203.0.113.7", 1),
        "server": ("gateway.example", 443),
        "aws.context": InvocationContext("request", deadline=time.time() + seconds),
    }
    await app(scope, receive, send)
    return response
