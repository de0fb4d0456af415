"""DynamoDB's capacity in front of the emulator, which has none: write units per partition, and item locks.

A partition, here the items of one partition key, takes `units` write units per second, and saves up to
`BURST` seconds of them. A write beyond that gets ProvisionedThroughputExceededException. A write to an item
of a running transaction gets TransactionConflict.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from tests.store.dynamodb.proxy import actions, cancelled, failure, response, whole, written_keys
from tests.store.ministack import EmulatedTable

Body = dict[str, Any]
BURST = 3.0  # seconds; DynamoDB saves up to 300, but promises none
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"})


@dataclass(slots=True)
class Partition:
    """The write units that a partition has left."""

    units: float
    at: float
    taken: float = 0.0


@dataclass(slots=True)
class PartitionedTable:
    """Counts what a table consumes, and refuses what its partitions cannot take."""

    table: EmulatedTable  # through this server, once it runs
    units: float  # per second and partition
    consumed: Counter[str] = field(default_factory=Counter)  # units by kind of item: the key's first letter
    throttled: int = 0
    conflicts: int = 0
    _backend: str = ""
    _partitions: dict[str, Partition] = field(default_factory=dict)
    _locked: Counter[str] = field(default_factory=Counter)
    _idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _ordered: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                writer.write(await self._answer(*await whole(reader)))
                await writer.drain()
        writer.close()
        self._open.discard(writer)

    def close(self) -> None:
        """Close all connections."""
        for writer in [*self._open, *(writer for _, writer in self._idle)]:
            writer.close()

    async def _answer(self, head: bytes, body: bytes) -> bytes:
        target = re.search(rb"x-amz-target: DynamoDB_20120810\.(\w+)", head, re.IGNORECASE)
        assert target is not None
        operation, request = target[1].decode(), json.loads(body)
        if operation not in WRITES:
            return await self._forward(operation, request)
        keys = written_keys(request) or [_key(request)]
        if refused := self._refuse(keys):
            return refused
        if operation == "TransactWriteItems":
            self._locked.update(keys)
        try:
            return await self._forward(operation, request | {"ReturnConsumedCapacity": "TOTAL"}, keys)
        finally:
            if operation == "TransactWriteItems":
                self._locked.subtract(keys)

    def _refuse(self, keys: list[str]) -> bytes:
        """Return the error for a write that DynamoDB would not take now; empty if there is none."""
        reasons = [self._reason(key) for key in keys]
        if not any(reasons):
            return b""
        self.throttled += "Throttling" in "".join(filter(None, reasons))
        if len(keys) > 1:
            fault = cancelled(*(reason or "None" for reason in reasons))
        elif "TransactionConflict" in reasons:
            fault = failure("TransactionConflictException")
        else:
            fault = failure("ProvisionedThroughputExceededException")
        assert fault.reply is not None
        return response(*fault.reply)

    def _reason(self, key: str) -> str | None:
        if self._locked[key]:
            self.conflicts += 1
            return "TransactionConflict"
        return "ThrottlingError" if self._partition(key).units < 0 else None

    def _partition(self, key: str) -> Partition:
        now, name = time.monotonic(), key.partition("|")[0]
        partition = self._partitions.setdefault(name, Partition(self.units * BURST, now))
        partition.units = min(self.units * BURST, partition.units + (now - partition.at) * self.units)
        partition.at = now
        return partition

    async def _forward(self, operation: str, request: Body, keys: list[str] | None = None) -> bytes:
        data = json.dumps(request).encode()
        head = (
            f"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(data)}\r\n"
            f"content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.{operation}\r\n"
            "authorization: AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/dynamodb/aws4_request, "
            "SignedHeaders=host, Signature=0\r\n\r\n"
        )
        address = urlsplit(self._backend)
        reader, writer = (
            self._idle.pop() if self._idle else await asyncio.open_connection(address.hostname, address.port)
        )
        writer.write(head.encode() + data)
        answer_head, answer = await whole(reader)
        self._idle.append((reader, writer))
        if keys:
            self._take(keys, answer)
        return answer_head + answer

    def _take(self, keys: list[str], answer: bytes) -> None:
        """Take the units of a write. A refused condition costs one unit per KB as well."""
        capacity = json.loads(answer).get("ConsumedCapacity") or {"CapacityUnits": len(keys)}
        rows = capacity if isinstance(capacity, list) else [capacity]
        units = sum(row["CapacityUnits"] for row in rows)
        for key in keys:
            partition = self._partition(key)
            partition.units -= units / len(keys)
            partition.taken += units / len(keys)
            self.consumed[key[0]] += units / len(keys)


def _key(request: Body) -> str:
    (action,) = actions(request)
    key = action.get("Key") or action["Item"]
    return f"{key['pk']['S']}|{key['sk']['S']}"


@asynccontextmanager
async def partitioned(table: EmulatedTable, units: float) -> AsyncIterator[PartitionedTable]:
    """Run the server in front of a table."""
    served = PartitionedTable(table, units, _backend=table.endpoint)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    served.table = replace(table, endpoint=f"http://127.0.0.1:{port}")
    try:
        yield served
    finally:
        server.close()
        served.close()
