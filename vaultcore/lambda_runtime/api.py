"""A client of the Lambda Runtime API on asyncio streams, so that waiting for Lambda never blocks the loop.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import field

from vaultcore.lambda_runtime.connection import RuntimeApiConnection, RuntimeApiError, read_response
from vaultcore.lambda_runtime.error_report import ERROR_BODY, ERROR_TYPE, ErrorReport
from vaultcore.lambda_runtime.response import CONTENT_TYPE
from vaultcore.lazy_dataclass import dataclass

ROOT = "/2018-06-01/runtime"
MAX_LINE = 1 << 20  # bytes of one header line: the client context of an invocation is sent in one


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event to process, with the headers it came with."""

    id: str
    event: object = field(repr=False)  # contains the caller's key
    headers: Mapping[str, str] = field(repr=False)  # lower-case names


class RuntimeApi:
    """Calls the Runtime API at `host:port`, one call after the other.

    All calls share one connection, so the server finishes one call before it reads the next. With two
    connections, `next` could arrive while the server is still storing the previous response.
    """

    def __init__(self, address: str) -> None:
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        self._idle: RuntimeApiConnection | None = None
        self._closed = False

    async def next(self) -> Invocation:
        """Wait for the next invocation. Lambda freezes the process during this wait."""
        headers, body = await self._wait(f"{ROOT}/invocation/next")
        return Invocation(headers["lambda-runtime-aws-request-id"], _parse_event(body), headers)

    async def wait_for_restore(self) -> None:
        """Wait until Lambda restores a copy of this process. Lambda takes the snapshot during this wait."""
        await self._wait(f"{ROOT}/restore/next")

    async def respond(self, invocation: Invocation, body: bytes) -> None:
        """Send a complete response."""
        await self._call("POST", f"{ROOT}/invocation/{invocation.id}/response", body, echo_id(invocation))

    async def fail(self, invocation: Invocation, report: ErrorReport) -> None:
        """Report that an invocation failed. Call it only before a response has begun."""
        await self._report(f"invocation/{invocation.id}/error", report, echo_id(invocation))

    async def fail_init(self, report: ErrorReport) -> None:
        await self._report("init/error", report, {})

    async def fail_restore(self, report: ErrorReport) -> None:
        await self._report("restore/error", report, {})

    async def open(self, invocation: Invocation) -> ResponseStream:
        """Start a streamed response. The caller must close it."""
        connection = await self._connect()
        head = {
            "Content-Type": CONTENT_TYPE,
            "Lambda-Runtime-Function-Response-Mode": "streaming",
            "Transfer-Encoding": "chunked",
            "Trailer": f"{ERROR_TYPE}, {ERROR_BODY}",
            **echo_id(invocation),
        }
        connection.writer.write(self._head("POST", f"{ROOT}/invocation/{invocation.id}/response", head))
        return ResponseStream(connection, self._release)

    def close(self) -> None:
        """Close the idle connection, and close any connection that is released later."""
        self._closed = True
        if self._idle is not None:
            self._idle.writer.close()

    async def _wait(self, path: str) -> tuple[Mapping[str, str], bytes]:
        try:
            return await self._call("GET", path)
        except ConnectionError:  # the idle connection may be dead, for example after a snapshot
            return await self._call("GET", path)

    async def _report(self, path: str, report: ErrorReport, headers: Mapping[str, str]) -> None:
        await self._call("POST", f"{ROOT}/{path}", report.body, {ERROR_TYPE: report.type, **headers})

    async def _call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[Mapping[str, str], bytes]:
        framing = {"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}
        connection = await self._connect()
        try:
            connection.writer.write(self._head(method, path, {**framing, **(headers or {})}) + body)
            await connection.writer.drain()
            response = await read_response(connection.reader)
        except BaseException:
            connection.writer.close()
            raise
        self._release(connection)
        if response.status >= 300:
            raise RuntimeApiError(f"the Runtime API returned {response.status} to {method} {path}")
        return response.headers, response.body

    async def _connect(self) -> RuntimeApiConnection:
        idle, self._idle = self._idle, None
        if idle is not None:
            if not (idle.reader.at_eof() or idle.writer.is_closing()):
                return idle
            idle.writer.close()
        return RuntimeApiConnection(*await asyncio.open_connection(self.host, self.port, limit=MAX_LINE))

    def _release(self, connection: RuntimeApiConnection) -> None:
        if self._closed:
            connection.writer.close()
        self._idle = connection

    def _head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        fields = {"Host": f"{self.host}:{self.port}", "User-Agent": "vaultedge-runtime", **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class ResponseStream:
    """The body of one streamed response. `write` sends at once and waits while the reader is slow."""

    def __init__(
        self, connection: RuntimeApiConnection, release: Callable[[RuntimeApiConnection], None]
    ) -> None:
        self._connection, self._release = connection, release

    async def write(self, data: bytes) -> None:
        if data:  # an empty chunk would end the stream
            self._connection.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await self._connection.writer.drain()

    async def close(self, report: ErrorReport | None = None) -> None:
        """End the stream, with error trailers if there is a report.

        Raises RuntimeApiError if the Runtime API rejects the response.
        """
        trailers = report.trailers if report else {}
        lines = ["0", *(f"{name}: {value}" for name, value in trailers.items()), "", ""]
        try:
            self._connection.writer.write("\r\n".join(lines).encode("latin-1"))
            await self._connection.writer.drain()
            response = await read_response(self._connection.reader)
        except BaseException:
            self._connection.writer.close()
            raise
        self._release(self._connection)
        if response.status >= 300:
            raise RuntimeApiError(f"the Runtime API returned {response.status} to a streamed response")


def echo_id(invocation: Invocation) -> dict[str, str]:
    """Return the header with the invocation id that newer runtimes must send back, if the event had one."""
    name = "Lambda-Runtime-Invocation-Id"
    return {name: value} if (value := invocation.headers.get(name.lower())) else {}


def _parse_event(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # not JSON, so not an HTTP request
        return None
