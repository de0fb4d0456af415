"""A fake Lambda Runtime API on real sockets: it serves events and exposes responses as they arrive."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

DELIMITER = b"\0" * 8


@dataclass
class Report:
    """A POST from the runtime; its fields fill while it arrives."""

    path: str
    headers: Mapping[str, str]
    chunks: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    trailer_bytes: int = 0
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def kind(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def head(self) -> dict[str, Any]:
        return dict(json.loads(self.body.partition(DELIMITER)[0]))

    @property
    def content(self) -> bytes:
        return self.body.partition(DELIMITER)[2]

    @property
    def failure(self) -> dict[str, Any] | None:
        encoded = self.trailers.get("lambda-runtime-function-error-body")
        return dict(json.loads(base64.b64decode(encoded))) if encoded else None


class RuntimeApiServer:
    """Serves `/2018-06-01/runtime/...` and records the order of the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.requests: list[tuple[str, Mapping[str, str]]] = []
        self.reports: asyncio.Queue[Report] = asyncio.Queue()
        self.snapshot = asyncio.Event()  # set when the runtime waits for a restore
        self.restore = asyncio.Event()
        self.acknowledged = asyncio.Event()  # while set, responses are acknowledged
        self.acknowledged.set()
        self.hang_up_after: int | None = None  # drop the connection after this many bytes of a response
        self.connections = 0
        self.address = ""
        self._waits: asyncio.Queue[asyncio.Task[bytes]] = asyncio.Queue()
        self._events: asyncio.Queue[tuple[str, bytes, Mapping[str, str]]] = asyncio.Queue()
        self._count = 0

    def invoke(self, event: object, *, timeout: float = 300.0, **headers: str) -> str:
        """Queue an event and return its request id."""
        return self.invoke_raw(json.dumps(event).encode(), timeout=timeout, **headers)

    def invoke_raw(self, payload: bytes, *, timeout: float = 300.0, **headers: str) -> str:
        self._count += 1
        request_id = f"request-{self._count}"
        head = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + timeout) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:f",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        self._events.put_nowait((request_id, payload, head))
        return request_id

    async def drop(self) -> None:
        """Close the connection of a runtime that waits for an event."""
        (await self.idle()).cancel()

    async def idle(self) -> asyncio.Task[bytes]:
        """Return the pending call for an event, once there is one. Cancelling it closes the connection."""
        waiting = await self._waits.get()
        while waiting.done():  # this call has already got its event
            waiting = await self._waits.get()
        return waiting

    async def report(self) -> Report:
        """Return the next POST once its headers have arrived."""
        return await self.reports.get()

    async def finished(self) -> Report:
        """Return the next POST once it is complete."""
        report = await self.report()
        await report.complete.wait()
        return report

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (line := await reader.readline()) not in (b"", b"\r\n"):
                method, path, _ = line.decode().split()
                headers = await _headers(reader)
                self.calls.append(f"{method} {path.removeprefix('/2018-06-01/runtime/')}")
                self.requests.append((path, headers))
                if method == "GET":
                    waiting = asyncio.create_task(self._next_event(path))
                    self._waits.put_nowait(waiting)
                    writer.write(await waiting)
                else:
                    await self._read_report(path, headers, reader)
                    await self.acknowledged.wait()
                    writer.write(b'HTTP/1.1 202 Accepted\r\nContent-Length: 15\r\n\r\n{"status":"OK"}')
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _next_event(self, path: str) -> bytes:
        if path.endswith("/restore/next"):
            self.snapshot.set()
            await self.restore.wait()
            return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        _, payload, head = await self._events.get()
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        # Go's server sends large events in chunks; half of ours are chunked, so that both framings are tested
        if self._count % 2:
            return f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(payload)}\r\n\r\n".encode() + payload
        first, rest = payload[:3], payload[3:]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (first, rest) if part)
        return (
            f"HTTP/1.1 200 OK\r\n{lines}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n"
        )

    async def _read_report(self, path: str, headers: Mapping[str, str], reader: asyncio.StreamReader) -> None:
        report = Report(path, headers)
        self.reports.put_nowait(report)
        async for chunk in _body(reader, report):
            report.body += chunk
            report.chunks.put_nowait(chunk)
            if self.hang_up_after is not None and len(report.body) >= self.hang_up_after:
                report.complete.set()
                raise ConnectionResetError
        report.chunks.put_nowait(None)
        report.complete.set()


async def _headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


async def _body(reader: asyncio.StreamReader, report: Report) -> AsyncIterator[bytes]:
    if report.headers.get("transfer-encoding") != "chunked":
        yield await reader.readexactly(int(report.headers.get("content-length", "0")))
        return
    while size := int((await reader.readline()).strip(), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    while (line := await reader.readline()) not in (b"\r\n", b""):
        report.trailer_bytes += len(line)
        name, _, value = line.decode("latin-1").partition(":")
        report.trailers[name.strip().lower()] = value.strip()


@asynccontextmanager
async def runtime_api() -> AsyncIterator[RuntimeApiServer]:
    """Serve a fake Runtime API on a free loopback port."""
    api = RuntimeApiServer()
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    api.address = f"{host}:{port}"
    try:
        yield api
    finally:
        server.close()
