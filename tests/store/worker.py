"""A process that uses a store beside others: it obeys orders, one line of JSON each, until it is killed.

As a program: `python -m tests.store.worker URL`, where a URL is what VAULTEDGE_STORE may be.
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
from tests.store.traffic import LEASE, NOON, Asking, alerted
from vaultcore.clock import Clock
from vaultcore.limits.account import Charge
from vaultcore.limits.limits import Limits
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.store.base import DocumentKey, Store

Order = dict[str, Any]


def askings(order: Order) -> list[Asking]:
    """The requests of an order, which all ask the same levels at the same time."""
    levels = tuple(Level(name, Limits.unpack(limits)) for name, limits in order["levels"])
    shelf, sums, at = order["shelf"], DocumentKey("sums", order["shelf"]), order["at"]
    return [
        Asking(name, levels, at, tokens, minute, nanos, at + LEASE, sums, shelf)
        for name, tokens, minute, nanos in order["asked"]
    ]


async def admit(store: Store, order: Order) -> list[str]:
    """Ask for all at once; the ids of those that are let in."""

    async def one(asked: Asking) -> str | None:
        try:
            await store.reserve(asked.reservation)
        except LimitRefused:
            return None
        return asked.id

    return [name for name in await asyncio.gather(*map(one, askings(order))) if name]


async def settle(store: Store, order: Order) -> list[str]:
    """Settle all at once with what `used` says; the ids of those that had not been settled before."""

    async def one(asked: Asking) -> str | None:
        done = await store.settle(asked.settlement(Charge(*order["used"][asked.id]), alert=alerted))
        return asked.id if done.applied else None

    return [name for name in await asyncio.gather(*map(one, askings(order))) if name]


async def walk(store: Store, order: Order) -> list[str]:
    """One request from its beginning to its end, which gets no further than the order says."""

    def reached(point: str) -> None:
        if point == order["stop"]:
            tell([point])
            sys.stdin.read()  # for ever, or until nobody is there any more
            os._exit(0)

    (name,) = await admit(store, order)
    reached("admitted")
    tell(["produced", name])
    reached("answering")
    reached("answered")
    fresh = await settle(store, order)
    reached("settled")
    return fresh


async def churn(store: Store, order: Order) -> list[str]:
    """Request after request, some at a time, telling what a provider produced and what is settled."""
    numbers = count()

    async def line() -> None:
        for n in numbers:
            name, tokens = f"{order['name']}-{n}", 1 + n % 7
            mine = {**order, "asked": [[name, 10, 10, 10]], "used": {name: [tokens, 1, n % 11]}}
            await admit(store, mine)
            tell(["produced", name, *mine["used"][name]])
            await settle(store, mine)
            tell(["settled", name])

    await asyncio.gather(*(line() for _ in range(4)))
    return []


ORDERS: Mapping[str, Callable[[Store, Order], Awaitable[list[str]]]] = {
    "reserve": admit,
    "settle": settle,
    "walk": walk,
    "churn": churn,
}


def tell(told: object) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def opened(url: str, clock: Clock) -> Store:
    """The store of a URL, with no more imported than it needs: a test starts many of these."""
    kind, _, where = url.partition(":")
    if kind == "sqlite":
        from vaultcore.store.sqlite.store import SQLiteStore

        return SQLiteStore(Path(where), clock)
    from vaultcore.aws.dynamodb import DynamoDBClient
    from vaultcore.store.dynamodb.store import DynamoDBStore

    return DynamoDBStore(DynamoDBClient(), where, clock)


async def serve(url: str) -> None:
    """Obey until nobody orders any more. Time is what the order says."""
    clock = FakeClock(NOON)
    store = opened(url, clock)
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        clock.time = order["at"]
        tell(await ORDERS[order["do"]](store, order))
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
