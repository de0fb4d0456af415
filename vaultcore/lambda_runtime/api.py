"""The Lambda Runtime API over asyncio streams: waiting for Lambda never stops the application.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vaultcore.lambda_runtime.answer import Connection, RuntimeApiError, read_answer
from vaultcore.lambda_runtime.failure import ERROR_BODY, ERROR_TYPE, Failure
from vaultcore.lambda_runtime.response import CONTENT_TYPE

ROOT = "/2018-06-01/runtime"
MAX_LINE = 1 << 20  # bytes of one header line: the client context of an invocation travels in one


@dataclass(frozen=True, slots=True)
class Invocation:
    """What there is to do next."""

    id: str
    event: object = field(repr=False)  # holds the caller's key
    headers: Mapping[str, str] = field(repr=False)  # names in lower case


class RuntimeApi:
    """Calls to the Runtime API at `host:port`, one after the other.

    All go over one connection: the server is done with one call before it reads the next. Over two, an
    invocation asked for right after an answer was taken may find that answer still being put away.
    """

    def __init__(self, address: str) -> None:
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        self._kept: Connection | None = None
        self._closed = False

    async def next(self) -> Invocation:
        """Wait for an invocation. Lambda freezes the process here."""
        headers, body = await self._wait(f"{ROOT}/invocation/next")
        return Invocation(headers["lambda-runtime-aws-request-id"], _parsed(body), headers)

    async def restored(self) -> None:
        """Wait until a copy of this process has been restored; the snapshot is taken while waiting."""
        await self._wait(f"{ROOT}/restore/next")

    async def answer(self, invocation: Invocation, body: bytes) -> None:
        """Answer in one piece."""
        await self._call("POST", f"{ROOT}/invocation/{invocation.id}/response", body, echo(invocation))

    async def fail(self, invocation: Invocation, failure: Failure) -> None:
        """Report that an invocation came to nothing. Not for one whose answer has begun."""
        await self._report(f"invocation/{invocation.id}/error", failure, echo(invocation))

    async def fail_init(self, failure: Failure) -> None:
        await self._report("init/error", failure, {})

    async def fail_restore(self, failure: Failure) -> None:
        await self._report("restore/error", failure, {})

    async def open(self, invocation: Invocation) -> ResponseStream:
        """Begin an answer that goes out as it comes. Whoever opens it closes it."""
        connection = await self._connect()
        head = {
            "Content-Type": CONTENT_TYPE,
            "Lambda-Runtime-Function-Response-Mode": "streaming",
            "Transfer-Encoding": "chunked",
            "Trailer": f"{ERROR_TYPE}, {ERROR_BODY}",
            **echo(invocation),
        }
        connection.writer.write(self._head("POST", f"{ROOT}/invocation/{invocation.id}/response", head))
        return ResponseStream(connection, self._keep)

    def close(self) -> None:
        """Hang up, also on a connection that is given back later."""
        self._closed = True
        if self._kept is not None:
            self._kept.writer.close()

    async def _wait(self, path: str) -> tuple[Mapping[str, str], bytes]:
        try:
            return await self._call("GET", path)
        except ConnectionError:  # the kept connection may have died unseen, as in a snapshot
            return await self._call("GET", path)

    async def _report(self, path: str, failure: Failure, headers: Mapping[str, str]) -> None:
        await self._call("POST", f"{ROOT}/{path}", failure.body, {ERROR_TYPE: failure.type, **headers})

    async def _call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[Mapping[str, str], bytes]:
        framing = {"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}
        connection = await self._connect()
        try:
            connection.writer.write(self._head(method, path, {**framing, **(headers or {})}) + body)
            await connection.writer.drain()
            answer = await read_answer(connection.reader)
        except BaseException:
            connection.writer.close()
            raise
        self._keep(connection)
        if answer.status >= 300:
            raise RuntimeApiError(f"the Runtime API answered {method} {path} with {answer.status}")
        return answer.headers, answer.body

    async def _connect(self) -> Connection:
        kept, self._kept = self._kept, None
        if kept is not None:
            if not (kept.reader.at_eof() or kept.writer.is_closing()):
                return kept
            kept.writer.close()
        return Connection(*await asyncio.open_connection(self.host, self.port, limit=MAX_LINE))

    def _keep(self, connection: Connection) -> None:
        if self._closed:
            connection.writer.close()
        self._kept = connection

    def _head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        fields = {"Host": f"{self.host}:{self.port}", "User-Agent": "vaultedge-runtime", **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class ResponseStream:
    """The body of one streamed answer. What is written leaves at once; a slow reader slows the writer."""

    def __init__(self, connection: Connection, keep: Callable[[Connection], None]) -> None:
        self._connection, self._keep = connection, keep

    async def write(self, data: bytes) -> None:
        if data:  # an empty chunk would end the stream
            self._connection.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await self._connection.writer.drain()

    async def close(self, failure: Failure | None = None) -> None:
        """End the stream, as broken where there is a failure. Raises RuntimeApiError if it was not taken."""
        trailers = failure.trailers if failure else {}
        lines = ["0", *(f"{name}: {value}" for name, value in trailers.items()), "", ""]
        try:
            self._connection.writer.write("\r\n".join(lines).encode("latin-1"))
            await self._connection.writer.drain()
            answer = await read_answer(self._connection.reader)
        except BaseException:
            self._connection.writer.close()
            raise
        self._keep(self._connection)
        if answer.status >= 300:
            raise RuntimeApiError(f"the Runtime API took a streamed answer with {answer.status}")


def echo(invocation: Invocation) -> dict[str, str]:
    """What newer runtimes are asked to send back as they got it."""
    name = "Lambda-Runtime-Invocation-Id"
    return {name: value} if (value := invocation.headers.get(name.lower())) else {}


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # not a request of anybody's
        return None
