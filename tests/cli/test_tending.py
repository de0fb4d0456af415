"""Upkeep under `vaultedge serve`: it begins with the server, and the server's end waits for what is due."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.types import Message

from tests.admission.spending import gate, kept, key, spend
from tests.alerts.receiver import SECRET, receiving
from tests.fakes.gateway_app import house
from tests.fakes.provider import FakeProvider
from tests.fakes.served import fill, served
from vaultcore.admission.caller import Caller
from vaultcore.app import create_app
from vaultcore.cli.lifespan import Tended
from vaultcore.clock import SystemClock
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.limits import Limits
from vaultcore.services import Services
from vaultcore.simulators.server import simulated
from vaultcore.store.sqlite.store import SqliteStore

QUOTA = Caller(key(Limits(tokens=1_000)))


async def lived(services: Services, story: Callable[[], Awaitable[None]]) -> list[str]:
    """The lifespan of a served gateway around a story: what the server is told of it."""
    app = Tended(create_app(services), services)
    asked: asyncio.Queue[Message] = asyncio.Queue()
    told: asyncio.Queue[Message] = asyncio.Queue()
    living = asyncio.create_task(app({"type": "lifespan"}, asked.get, told.put))
    asked.put_nowait({"type": "lifespan.startup"})
    first = await told.get()
    await story()
    asked.put_nowait({"type": "lifespan.shutdown"})
    await living
    return [first["type"], told.get_nowait()["type"]]


def test_the_end_pays_and_delivers(tmp_path: Path) -> None:
    """What is owed when the server ends is paid first, and the alerts of it are sent before it is gone."""
    with FakeProvider() as provider, receiving() as receiver:
        receiver.gate.clear()
        settings = {"alert_webhook": receiver.url, "alert_webhook_secret": SECRET}
        services = house(tmp_path, provider, store=f"sqlite:{tmp_path / 'state.db'}", **settings)

        async def story() -> None:
            await spend(services.limiter, services.clock, QUOTA, "sent", 900)  # hangs at the receiver
            working, services.store.settle = services.store.settle, away  # type: ignore[method-assign]
            await spend(services.limiter, services.clock, QUOTA, "owed", 200)
            services.store.settle = working  # type: ignore[method-assign]
            asyncio.get_running_loop().call_later(0.1, receiver.gate.set)

        async def away(_: object) -> object:
            raise StoreUnavailable("the store is away")

        told = asyncio.run(lived(services, story))

    assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert sorted(post["data"]["percent"] for post in receiver.posts) == [80, 100]
    assert list(receiver.ids.values()) == [1, 1]


def test_a_server_delivers_what_another_left_and_stops_with_what_it_cannot(tmp_path: Path) -> None:
    """An alert that was left behind goes out when a server starts; one that hangs keeps no server alive."""
    home = tmp_path / ".vaultedge"
    with simulated({"openai": "openai"}) as simulators, receiving() as receiver:
        fill(tmp_path, simulators)
        environ = {"VAULTEDGE_ALERT_WEBHOOK": receiver.url, "VAULTEDGE_ALERT_WEBHOOK_SECRET": SECRET}
        asyncio.run(left_behind(home, "first", 900))
        with served(tmp_path, environ=environ) as gateway:
            wait_for(lambda: receiver.tries == 1)
            first = gateway.stop(signal.SIGTERM)
        asyncio.run(left_behind(home, "second", 200))
        receiver.gate.clear()
        with served(tmp_path, environ=environ) as gateway:
            wait_for(lambda: receiver.tries == 2)
            began = time.monotonic()
            second = gateway.stop(signal.SIGTERM)
            took = time.monotonic() - began
            log = gateway.errors.read_text()
        documents = asyncio.run(delivered(home))

    assert (first, second) == (0, 0)
    assert took < 10
    assert documents == {80: True, 100: False}
    assert "Traceback" not in log
    assert SECRET not in log


async def left_behind(home: Path, id: str, tokens: int) -> None:
    store = SqliteStore(home / "vaultedge.db", SystemClock())
    await spend(gate(store, SystemClock()), SystemClock(), QUOTA, id, tokens)
    await store.aclose()


async def delivered(home: Path) -> dict[int, bool]:
    store = SqliteStore(home / "vaultedge.db", SystemClock())
    documents = await kept(store)
    await store.aclose()
    return {each.body["percent"]: each.body["delivered"] is not None for each in documents}


def wait_for(fact: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.01)  # another process, which says nowhere that it has sent
