"""A DynamoDB of raw sockets, for tests of a client: it checks signatures and follows a script of faults."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import zlib
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from tests.fakes.sigv4 import is_signed_by, scope

MAX_SKEW = 300.0  # seconds
TYPE = "com.amazonaws.dynamodb.v20120810#"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and what goes wrong with it."""

    status: int = 200
    body: Mapping[str, Any] | bytes = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    sends: int | None = None  # bytes of the whole message before the connection closes; None: all
    step: int = 0  # bytes per packet; 0: all
    is_chunked: bool = False
    is_silent: bool = False  # the connection stays open without an answer
    closes: bool = False  # the connection closes after a complete answer


def error(code: str, status: int = 400, **more: Any) -> Answer:
    return Answer(status, {"__type": TYPE + code, "message": "arn:aws:dynamodb:secret-table", **more})


LOST = Answer(sends=0)  # read, perhaps applied, never answered
SILENT = Answer(is_silent=True)


@dataclass(frozen=True, slots=True)
class Received:
    """A request with a valid head, and the connection that it came by."""

    connection: int
    operation: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    is_signed: bool

    @property
    def key_id(self) -> str:
        return scope(self.headers).partition("/")[0]


@dataclass(slots=True)
class ScriptedDynamoDB:
    """Recorded requests, the script of the next answers, and the server's own time and credentials."""

    time: float  # seconds since the epoch
    secrets: dict[str, str] = field(default_factory=lambda: {"AKIDEXAMPLE": "secret-of-the-example"})
    script: deque[Answer] = field(default_factory=deque)
    requests: list[Received] = field(default_factory=list)
    url: str = ""
    has_date: bool = True
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)  # a client has closed a connection
    _connections: int = 0
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        number = self._connections
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            while await self._reply(number, reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            self.ended.set()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            del self._open[task]

    async def drop_connections(self) -> None:
        """Close every connection, as a restarted server does, and wait until that has happened."""
        tasks = list(self._open)
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*tasks)

    async def _reply(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        raw = await reader.readuntil(b"\r\n\r\n")
        method, path, headers = _parse_head(raw)
        body = await reader.readexactly(int(headers["content-length"]))
        key_id = scope(headers).partition("/")[0]
        is_signed = is_signed_by(method, path, headers, body, self.secrets.get(key_id, ""))
        operation = headers["x-amz-target"].removeprefix("DynamoDB_20120810.")
        self.requests.append(Received(number, operation, headers, json.loads(body), is_signed))
        self.arrived.set()
        answer = self._check(headers["x-amz-date"], is_signed=is_signed)
        if answer is None:
            answer = self.script.popleft() if self.script else Answer()
        if answer.is_silent:
            await reader.readexactly(1)  # until the client closes
        message = self._render(answer)[: answer.sends]
        for start in range(0, len(message), answer.step or len(message) or 1):
            writer.write(message[start : start + (answer.step or len(message))])
            await writer.drain()
            await asyncio.sleep(0)
        return answer.sends is None and not answer.closes

    def _check(self, stamp: str, *, is_signed: bool) -> Answer | None:
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        if not is_signed or abs(at - self.time) > MAX_SKEW:
            return error("InvalidSignatureException")
        return None

    def _render(self, answer: Answer) -> bytes:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        headers = {"x-amz-crc32": str(zlib.crc32(body)), **answer.headers}
        if self.has_date:
            headers["date"] = format_datetime(datetime.fromtimestamp(int(self.time), UTC), usegmt=True)
        if answer.is_chunked:
            headers["transfer-encoding"] = "chunked"
            chunks = [body[at : at + 7] for at in range(0, len(body), 7)]
            body = b"".join(b"%x;x=y\r\n%b\r\n" % (len(each), each) for each in chunks) + b"0\r\nt: 1\r\n\r\n"
        else:
            headers["content-length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {answer.status} X\r\n{head}\r\n".encode() + body


def _parse_head(raw: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = raw.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
    method, path, version = first.split(" ")
    assert version == "HTTP/1.1"
    pairs = [re.fullmatch(r"([a-z0-9-]+): (.+)", line) for line in lines]
    return method, path, {match[1]: match[2] for match in pairs if match is not None}


@asynccontextmanager
async def scripted_dynamodb(
    time: float, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedDynamoDB]:
    """Run the server on a free port of the loopback interface."""
    state = ScriptedDynamoDB(time)
    server = await asyncio.start_server(state.serve, "127.0.0.1", 0, ssl=tls)
    state.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        server.close()
        await state.drop_connections()
