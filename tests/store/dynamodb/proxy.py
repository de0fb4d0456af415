"""A proxy between a store and DynamoDB: it counts and checks requests, and injects faults."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from tests.store.ministack import EmulatedTable

Body = dict[str, Any]
TYPE = "com.amazonaws.dynamodb.v20120810#"
EXPRESSIONS = ("ConditionExpression", "UpdateExpression", "FilterExpression", "KeyConditionExpression")


@dataclass(frozen=True, slots=True)
class Fault:
    """The fate of a request: answered with `reply`, or forwarded now or later without a response."""

    reply: tuple[int, Body] | None = None
    is_delayed: bool = False
    is_forwarded: bool = False  # although `reply` is returned


NO_RESPONSE, DELAYED = Fault(), Fault(is_delayed=True)


def failure(code: str, status: int = 400, **more: Any) -> Fault:
    return Fault((status, {"__type": TYPE + code, "message": "arn:aws:dynamodb:secret-table", **more}))


def cancelled(*codes: str) -> Fault:
    return failure("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


@dataclass(slots=True)
class DynamoDBProxy:
    """Recorded requests, newest last, and the faults of the next ones."""

    table: EmulatedTable  # through this proxy, once it runs
    requests: list[tuple[str, Body]] = field(default_factory=list)
    faults: deque[Fault | None] = field(default_factory=deque)  # None: none for this request
    write_faults: deque[Fault | None] = field(default_factory=deque)  # the same for writes
    slow: float = 0.0  # seconds for which a write locks its items, as in DynamoDB
    conflicts: int = 0
    wrong: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _backend: str = ""
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)
    _locked: Counter[str] = field(default_factory=Counter)
    _delayed: list[Callable[[], Any]] = field(default_factory=list)

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.requests]

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """Yield a list that contains the operations of the block after it."""
        operations: list[str] = []
        before = len(self.requests)
        yield operations
        operations += self.operations[before:]

    async def forward_delayed(self) -> None:
        """Forward the delayed writes."""
        delayed, self._delayed = self._delayed, []
        for forward in delayed:
            await forward()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            while answer := await self._answer(*await whole(reader)):
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has disconnected
        except Exception as error:  # noqa: BLE001 - reported to the test
            self.wrong.append(repr(error))
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            del self._open[task]

    async def end(self) -> None:
        """Close all connections and wait for their tasks."""
        self.over.set()
        for writer in self._open.values():
            writer.close()
        await asyncio.gather(*self._open)

    async def _answer(self, head: bytes, body: bytes) -> bytes:
        target = re.search(rb"x-amz-target: DynamoDB_20120810\.(\w+)", head, re.IGNORECASE)
        assert target is not None
        operation, request = target[1].decode(), json.loads(body)
        self.requests.append((operation, request))
        try:
            check(operation, request)
        except AssertionError as error:
            self.wrong.append(f"{operation}: {error}")
        faults = self.write_faults if self.write_faults and written_keys(request) else self.faults
        fault = faults.popleft() if faults else None
        if fault is None:
            return await self._forward_locked(request, head + body)
        if fault.reply is not None:
            if fault.is_forwarded:
                await self._forward(head + body)
            return response(*fault.reply)
        if fault.is_delayed:
            self._delayed.append(lambda: self._forward(head + body))
            await self.over.wait()
        else:
            await self._forward(head + body)
        return b""

    async def _forward_locked(self, request: Body, message: bytes) -> bytes:
        """Reject a write to items of a running transaction, as DynamoDB does."""
        keys = written_keys(request) if self.slow else []
        locked = [key for key in keys if self._locked[key]]
        if locked:
            self.conflicts += 1
            codes = ["TransactionConflict" if key in locked else "None" for key in keys]
            many = cancelled(*codes) if len(keys) > 1 else failure("TransactionConflictException")
            return response(*many.reply) if many.reply else b""
        if len(keys) > 1:
            self._locked.update(keys)
        try:
            answer = await self._forward(message)
            if keys:
                await asyncio.sleep(self.slow)
            return answer
        finally:
            if len(keys) > 1:
                self._locked.subtract(keys)

    async def _forward(self, request: bytes) -> bytes:
        address = urlsplit(self._backend)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(request)
            return b"".join(await whole(reader))
        finally:
            writer.close()
            await writer.wait_closed()


async def whole(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read the head and the body of a message."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return head, await reader.readexactly(int(length[1]) if length else 0)


def response(status: int, body: Body) -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\n"
    return f"{head}content-length: {len(data)}\r\n\r\n".encode() + data


def actions(request: Body) -> list[Body]:
    """Return the writes of a request."""
    items = request.get("TransactItems") or [{"": request}]
    return [action for item in items for action in item.values()]


def written_keys(request: Body) -> list[str]:
    """Return the keys that a request writes to."""
    keyed = [action.get("Key") or action.get("Item") for action in actions(request)]
    writes = "TransactItems" in request or "UpdateExpression" in request or "Item" in request
    return [f"{key['pk']['S']}|{key['sk']['S']}" for key in keyed if key] if writes else []


def check(operation: str, request: Body) -> None:
    """Assert what DynamoDB requires and its emulator does not check."""
    assert operation != "Scan"
    for action in actions(request):
        texts = [action[name] for name in EXPRESSIONS if name in action]
        for text in texts:
            assert len(text.encode()) <= 4096, len(text.encode())
            operators = len(re.findall(r"[<>=]+|\bAND\b|\bOR\b|\+|\w+\(", text))
            assert operators <= 300, operators
        names = set(re.findall(r"#\w+", " ".join(texts)))
        values = set(re.findall(r":\w+", " ".join(texts)))
        assert names == set(action.get("ExpressionAttributeNames", {}))
        assert values == set(action.get("ExpressionAttributeValues", {}))
        paths = list(changed(action.get("UpdateExpression", "")))
        for path in paths:
            parents = [path[:n] for n in range(1, len(path) + 1)]
            assert sum(other in parents for other in paths) == 1, "two paths overlap"


def changed(expression: str) -> Iterator[tuple[str, ...]]:
    """Yield the paths that an update changes."""
    for clause in re.split(r"\b(?=SET |REMOVE |ADD )", expression):
        _, _, parts = clause.partition(" ")
        for part in re.split(r", (?![^(]*\))", parts) if parts else ():
            yield tuple(re.split(r"[ =]", part.strip())[0].split("."))


@asynccontextmanager
async def proxy_for(table: EmulatedTable) -> AsyncIterator[DynamoDBProxy]:
    """Run a proxy for a table."""
    proxy = DynamoDBProxy(table, _backend=table.endpoint)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy.table = replace(table, endpoint=f"http://127.0.0.1:{port}")
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
    assert proxy.wrong == [], proxy.wrong
