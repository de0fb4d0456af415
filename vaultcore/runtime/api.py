"""The Lambda Runtime API over asyncio streams: waiting for Lambda never stops the application.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from vaultcore.runtime.failure import ERROR_BODY, ERROR_TYPE, Failure
from vaultcore.runtime.response import CONTENT_TYPE

ROOT = "/2018-06-01/runtime"
MAX_LINE = 1 << 20  # bytes of one header line: the client context of an invocation travels in one


class RuntimeApiError(Exception):
    """The Runtime API answered something that no runtime can go on from."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What there is to do next."""

    id: str
    event: object = field(repr=False)  # holds the caller's key
    headers: Mapping[str, str] = field(repr=False)  # names in lower case


class RuntimeApi:
    """Calls to the Runtime API at `host:port`. One connection each: they are few, and on this machine."""

    def __init__(self, address: str) -> None:
        self.host, _, port = address.rpartition(":")
        self.port = int(port)

    async def next(self) -> Invocation:
        """Wait for an invocation. Lambda freezes the process here."""
        headers, body = await self._call("GET", f"{ROOT}/invocation/next")
        return Invocation(headers["lambda-runtime-aws-request-id"], _parsed(body), headers)

    async def restored(self) -> None:
        """Wait until a copy of this process has been restored; the snapshot is taken while waiting."""
        await self._call("GET", f"{ROOT}/restore/next")

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
        reader, writer = await self._connect()
        head = {
            "Content-Type": CONTENT_TYPE,
            "Lambda-Runtime-Function-Response-Mode": "streaming",
            "Transfer-Encoding": "chunked",
            "Trailer": f"{ERROR_TYPE}, {ERROR_BODY}",
            **echo(invocation),
        }
        writer.write(self._head("POST", f"{ROOT}/invocation/{invocation.id}/response", head))
        return ResponseStream(reader, writer)

    async def _report(self, path: str, failure: Failure, headers: Mapping[str, str]) -> None:
        await self._call("POST", f"{ROOT}/{path}", failure.body, {ERROR_TYPE: failure.type, **headers})

    async def _call(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[dict[str, str], bytes]:
        reader, writer = await self._connect()
        try:
            framing = {"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}
            writer.write(self._head(method, path, {**framing, **(headers or {})}) + body)
            await writer.drain()
            status, answered = await _read_head(reader)
            if status >= 300:
                raise RuntimeApiError(f"the Runtime API answered {method} {path} with {status}")
            return answered, await _read_body(reader, answered)
        finally:
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port, limit=MAX_LINE)

    def _head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        fields = {"Host": f"{self.host}:{self.port}", "User-Agent": "vaultedge-runtime", **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class ResponseStream:
    """The body of one streamed answer. What is written leaves at once; a slow reader slows the writer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def write(self, data: bytes) -> None:
        if data:  # an empty chunk would end the stream
            self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await self._writer.drain()

    async def close(self, failure: Failure | None = None) -> None:
        """End the stream, as broken where there is a failure. Raises RuntimeApiError if it was not taken."""
        trailers = failure.trailers if failure else {}
        lines = ["0", *(f"{name}: {value}" for name, value in trailers.items()), "", ""]
        try:
            self._writer.write("\r\n".join(lines).encode("latin-1"))
            await self._writer.drain()
            status, _ = await _read_head(self._reader)
        finally:
            self._writer.close()
        if status >= 300:
            raise RuntimeApiError(f"the Runtime API took a streamed answer with {status}")


def echo(invocation: Invocation) -> dict[str, str]:
    """What newer runtimes are asked to send back as they got it."""
    name = "Lambda-Runtime-Invocation-Id"
    return {name: value} if (value := invocation.headers.get(name.lower())) else {}


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # not a request of anybody's
        return None


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    version, _, rest = (await _read_line(reader)).partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise RuntimeApiError("the Runtime API hung up or does not speak HTTP/1.1")
    headers: dict[str, str] = {}
    while line := await _read_line(reader):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(rest[:3]), headers


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    pieces: list[bytes] = []
    while size := int((await _read_line(reader)).partition(";")[0], 16):
        pieces.append(await reader.readexactly(size))
        await _read_line(reader)
    return b"".join(pieces)


async def _read_line(reader: asyncio.StreamReader) -> str:
    return (await reader.readline()).decode("latin-1").rstrip("\r\n")
