"""What lies between a store and DynamoDB: it counts and checks what is asked, and makes trouble."""

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

from tests.store.ministack import Table

Body = dict[str, Any]
TYPE = "com.amazonaws.dynamodb.v20120810#"
EXPRESSIONS = ("ConditionExpression", "UpdateExpression", "FilterExpression", "KeyConditionExpression")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What becomes of a request: something is `said` instead; or it is made, now or later, unanswered."""

    said: tuple[int, Body] | None = None
    late: bool = False
    made: bool = False  # although something else is said


LOST, LATE = Trouble(), Trouble(late=True)


def failure(code: str, status: int = 400, **more: Any) -> Trouble:
    return Trouble((status, {"__type": TYPE + code, "message": "arn:aws:dynamodb:secret-table", **more}))


def cancelled(*codes: str) -> Trouble:
    return failure("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


@dataclass(slots=True)
class Wire:
    """Requests that were made, newest last, and what is to become of the next ones."""

    table: Table  # by way of this wire, once it is up
    asked: list[tuple[str, Body]] = field(default_factory=list)
    troubles: deque[Trouble] = field(default_factory=deque)
    slow: float = 0.0  # seconds for which a write locks its items, as those of DynamoDB do
    conflicts: int = 0
    wrong: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _backend: str = ""
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)
    _locked: Counter[str] = field(default_factory=Counter)
    _held: list[Callable[[], Any]] = field(default_factory=list)

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.asked]

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """The operations that are asked meanwhile."""
        seen: list[str] = []
        before = len(self.asked)
        yield seen
        seen += self.operations[before:]

    async def let_go(self) -> None:
        """Make the writes that were held back."""
        held, self._held = self._held, []
        for make in held:
            await make()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served = asyncio.current_task()
        assert served is not None
        self._open[served] = writer
        try:
            while answer := await self._answer(*await whole(reader)):
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # who asked has hung up
        except Exception as error:  # noqa: BLE001 - the test hears of it
            self.wrong.append(repr(error))
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            del self._open[served]

    async def end(self) -> None:
        """Hang up, and wait until everybody has noticed."""
        self.over.set()
        for writer in self._open.values():
            writer.close()
        await asyncio.gather(*self._open)

    async def _answer(self, head: bytes, body: bytes) -> bytes:
        target = re.search(rb"x-amz-target: DynamoDB_20120810\.(\w+)", head, re.IGNORECASE)
        assert target is not None
        operation, asked = target[1].decode(), json.loads(body)
        self.asked.append((operation, asked))
        try:
            check(operation, asked)
        except AssertionError as error:
            self.wrong.append(f"{operation}: {error}")
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble is None:
            return await self._locking(operation, asked, head + body)
        if trouble.said is not None:
            if trouble.made:
                await self._forward(head + body)
            return response(*trouble.said)
        if trouble.late:
            self._held.append(lambda: self._forward(head + body))
            await self.over.wait()
        else:
            await self._forward(head + body)
        return b""

    async def _locking(self, operation: str, asked: Body, request: bytes) -> bytes:
        """As DynamoDB does: who writes to what a transaction is writing to is told to come again."""
        keys = written(asked) if self.slow else []
        taken = [key for key in keys if self._locked[key]]
        if taken:
            self.conflicts += 1
            codes = ["TransactionConflict" if key in taken else "None" for key in keys]
            many = cancelled(*codes) if len(keys) > 1 else failure("TransactionConflictException")
            return response(*many.said) if many.said else b""
        if len(keys) > 1:
            self._locked.update(keys)
        try:
            answer = await self._forward(request)
            if keys:
                await asyncio.sleep(self.slow)
            return answer
        finally:
            if len(keys) > 1:
                self._locked.subtract(keys)

    async def _forward(self, request: bytes) -> bytes:
        place = urlsplit(self._backend)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            writer.write(request)
            return b"".join(await whole(reader))
        finally:
            writer.close()
            await writer.wait_closed()


async def whole(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head and the body of a message."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return head, await reader.readexactly(int(length[1]) if length else 0)


def response(status: int, body: Body) -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\n"
    return f"{head}content-length: {len(data)}\r\n\r\n".encode() + data


def actions(asked: Body) -> list[Body]:
    """The writes of a request."""
    items = asked.get("TransactItems") or [{"": asked}]
    return [action for item in items for action in item.values()]


def written(asked: Body) -> list[str]:
    """The keys that a request writes to."""
    keyed = [action.get("Key") or action.get("Item") for action in actions(asked)]
    writes = "TransactItems" in asked or "UpdateExpression" in asked or "Item" in asked
    return [f"{key['pk']['S']}|{key['sk']['S']}" for key in keyed if key] if writes else []


def check(operation: str, asked: Body) -> None:
    """What DynamoDB refuses and its emulator lets through."""
    assert operation != "Scan"
    for action in actions(asked):
        texts = [action[name] for name in EXPRESSIONS if name in action]
        for text in texts:
            assert len(text.encode()) <= 4096
            assert len(re.findall(r"[<>=]+|\bAND\b|\bOR\b|\+|\w+\(", text)) <= 300
        named = set(re.findall(r"#\w+", " ".join(texts)))
        valued = set(re.findall(r":\w+", " ".join(texts)))
        assert named == set(action.get("ExpressionAttributeNames", {}))
        assert valued == set(action.get("ExpressionAttributeValues", {}))
        paths = list(changed(action.get("UpdateExpression", "")))
        for path in paths:
            parents = [path[:n] for n in range(1, len(path) + 1)]
            assert sum(other in parents for other in paths) == 1, "two paths overlap"


def changed(expression: str) -> Iterator[tuple[str, ...]]:
    """The paths that an update changes."""
    for clause in re.split(r"\b(?=SET |REMOVE |ADD )", expression):
        _, _, parts = clause.partition(" ")
        for part in re.split(r", (?![^(]*\))", parts) if parts else ():
            yield tuple(re.split(r"[ =]", part.strip())[0].split("."))


@asynccontextmanager
async def wired(made: Table) -> AsyncIterator[Wire]:
    """A wire to a table."""
    wire = Wire(made, _backend=made.endpoint)
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wire.table = replace(made, endpoint=f"http://127.0.0.1:{port}")
    try:
        yield wire
    finally:
        server.close()
        await wire.end()
    assert wire.wrong == []
