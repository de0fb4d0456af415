"""A process that uses a store beside others. It runs commands, one line of JSON each, until it is killed.

As a program: `python -m tests.store.worker URL`, with a URL as in VAULTEDGE_STORE.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from tests.fakes.clock import FakeClock
from tests.store.store_request import LEASE, NOON, StoreRequest, alert_document
from vaultcore.clock import Clock
from vaultcore.limits.account import Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.store.base import Store

Command = dict[str, Any]
PATIENCE = 20.0  # seconds for a response of the emulator, which is slow if the machine is busy


def requests_of(command: Command) -> list[StoreRequest]:
    """Return the requests of a command, which have the same levels and time."""
    levels = tuple(Level(name, Limits.unpack(limits)) for name, limits in command["levels"])
    collection, at = command["collection"], command["at"]
    return [
        StoreRequest(name, levels, at, tokens, minute, nanos, at + LEASE, collection)
        for name, tokens, minute, nanos in command["asked"]
    ]


async def reserve(store: Store, command: Command) -> list[str]:
    """Reserve for all requests at once. Return the IDs of those that succeed."""

    async def one(request: StoreRequest) -> str | None:
        try:
            await store.reserve(request.reservation)
        except LimitRefused:
            return None
        return request.id

    return [name for name in await asyncio.gather(*map(one, requests_of(command))) if name]


async def settle(store: Store, command: Command) -> list[str]:
    """Settle all requests at once with the charges in `used`. Return the IDs of those not settled before."""

    async def one(request: StoreRequest) -> str | None:
        done = await store.settle(
            request.settlement(Charge(*command["used"][request.id]), alert=alert_document)
        )
        return request.id if done.applied else None

    return [name for name in await asyncio.gather(*map(one, requests_of(command))) if name]


async def walk(store: Store, command: Command) -> list[str]:
    """Run one request up to the point in the command."""

    def report_point(point: str) -> None:
        if point == command["stop"]:
            write_line([point])
            sys.stdin.read()  # until the parent process ends
            os._exit(0)

    (name,) = await reserve(store, command)
    report_point("admitted")
    write_line(["produced", name])
    report_point("answering")
    report_point("answered")
    fresh = await settle(store, command)
    report_point("settled")
    return fresh


async def churn(store: Store, command: Command) -> list[str]:
    """Run request after request, four at a time, and report what was produced and settled."""
    numbers = count()

    async def line() -> None:
        for n in numbers:
            name, tokens = f"{command['name']}-{n}", 1 + n % 7
            mine = {**command, "asked": [[name, 10, 10, 10]], "used": {name: [tokens, 1, n % 11]}}
            await reserve(store, mine)
            write_line(["produced", name, *mine["used"][name]])
            await settle(store, mine)
            write_line(["settled", name])

    await asyncio.gather(*(line() for _ in range(4)))
    return []


COMMANDS: Mapping[str, Callable[[Store, Command], Awaitable[list[str]]]] = {
    "reserve": reserve,
    "settle": settle,
    "walk": walk,
    "churn": churn,
}


def write_line(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def open_store(url: str, clock: Clock) -> Store:
    """Open the store of a URL with few imports: a test starts many of these processes."""
    kind, _, where = url.partition(":")
    if kind == "sqlite":
        from vaultcore.store.sqlite.store import SQLiteStore

        return SQLiteStore(Path(where), clock)
    from vaultcore.aws.dynamodb import DynamoDBClient
    from vaultcore.store.dynamodb.store import DynamoDBStore

    return DynamoDBStore(DynamoDBClient(read_timeout=PATIENCE), where, clock)


async def serve(url: str) -> None:
    """Run commands until the input ends. Each command sets the time."""
    clock = FakeClock(NOON)
    store = open_store(url, clock)
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        clock.time = command["at"]
        write_line(await COMMANDS[command["do"]](store, command))
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
