"""One request to an application as Lambda hands it over: with a context that says how long there is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from tests.fakes.gateway_app import SYSTEM
from vaultcore.lambda_runtime.context import Context

ASKED = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 50}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": ASKED,
    "/v1/messages": ASKED,
    "/v1/responses": {"input": "hi", "max_output_tokens": 50},
}


@dataclass
class Told:
    """What was answered, and when each part of it came, in seconds from the beginning."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    ended: float | None = None

    @property
    def body(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces)


async def asked(app: ASGIApp, path: str, model: str, left: float, **fields: Any) -> Told:
    """Ask for an answer with so many seconds left of the invocation."""
    began, told = time.monotonic(), Told()
    body = json.dumps({**BODIES.get(path, ASKED), "model": model, **fields}).encode()
    request: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
    over = asyncio.Event()

    async def receive() -> MutableMapping[str, Any]:
        if request:
            return request.pop()
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        now = time.monotonic() - began
        if message["type"] == "http.response.start":
            told.status = message["status"]
            told.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        told.pieces.append((now, message.get("body", b"")))
        if not message.get("more_body"):
            told.ended = now

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
        "headers": [(b"authorization", f"Bearer {SYSTEM}".encode()), (b"content-type", b"application/json")],
        "client": ("203.0.113.7", 1),
        "server": ("gateway.example", 443),
        "aws.context": Context("request", deadline=time.time() + left),
    }
    await app(scope, receive, send)
    return told
