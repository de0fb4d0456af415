"""Maintenance under `vaultedge serve`: it starts with the server, and shutdown waits for pending work."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from starlette.types import Message

from tests.admission.limiter_setup import build_limiter, key, settle_usage, stored_alerts
from tests.alerts.webhook_receiver import SECRET, run_receiver
from tests.fakes.gateway_app import build_services
from tests.fakes.provider import FakeProvider
from tests.fakes.served import prepare_home, run_serve
from vaultcore.admission.caller import Caller
from vaultcore.admission.refusals.queries import read_day_sums
from vaultcore.app import create_app
from vaultcore.cli import lifespan
from vaultcore.cli.lifespan import MaintainedApp
from vaultcore.clock import SystemClock
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.account import day_of
from vaultcore.limits.limits import Limits
from vaultcore.services import Services
from vaultcore.simulators.server import simulated
from vaultcore.store.sqlite.store import SQLiteStore

QUOTA = Caller(key(Limits(tokens=1_000)))


async def run_lifespan(services: Services, scenario: Callable[[], Awaitable[None]]) -> list[str]:
    """Run a gateway's lifespan around a scenario; return the types of its two replies."""
    app = MaintainedApp(create_app(services), services)
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    outgoing: asyncio.Queue[Message] = asyncio.Queue()
    serving = asyncio.create_task(app({"type": "lifespan"}, incoming.get, outgoing.put))
    incoming.put_nowait({"type": "lifespan.startup"})
    first = await outgoing.get()
    await scenario()
    incoming.put_nowait({"type": "lifespan.shutdown"})
    await serving
    return [first["type"], outgoing.get_nowait()["type"]]


def test_shutdown_settles_and_delivers(tmp_path: Path) -> None:
    """Shutdown settles pending accounts, then sends their alerts."""
    with FakeProvider() as provider, run_receiver() as receiver:
        receiver.may_answer.clear()
        settings = {"alert_webhook": receiver.url, "alert_webhook_secret": SECRET}
        services = build_services(tmp_path, provider, store=f"sqlite:{tmp_path / 'state.db'}", **settings)

        async def scenario() -> None:
            await settle_usage(
                services.admission.limiter, services.clock, QUOTA, "sent", 900
            )  # its delivery waits for the receiver
            services.admission.limiter.owed._begin_in_store = None  # by `settle`, which can fail here
            working, services.store.settle = services.store.settle, fail_settlement  # type: ignore[method-assign]
            await settle_usage(services.admission.limiter, services.clock, QUOTA, "pending", 200)
            services.store.settle = working  # type: ignore[method-assign]
            asyncio.get_running_loop().call_later(0.1, receiver.may_answer.set)

        async def fail_settlement(_: object) -> object:
            raise StoreUnavailable("the store is away")

        messages = asyncio.run(run_lifespan(services, scenario))

    assert messages == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert sorted(post["data"]["percent"] for post in receiver.posts) == [80, 100]
    assert list(receiver.ids.values()) == [1, 1]


def test_refusals_are_written_by_a_timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running server writes refusals without another request."""
    monkeypatch.setattr(lifespan, "REFUSALS_INTERVAL", 0.01)
    with FakeProvider() as provider:
        services = build_services(tmp_path, provider)

        async def scenario() -> None:
            services.refusals.note_unauthorized()
            today = day_of(services.clock.now())
            while not await read_day_sums(services.store, today):  # noqa: ASYNC110 - another task writes them
                await asyncio.sleep(0.01)

        messages = asyncio.run(asyncio.wait_for(run_lifespan(services, scenario), 10))

    assert messages == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_pending_alerts_are_delivered_at_start_and_do_not_block_shutdown(tmp_path: Path) -> None:
    """A starting server sends alerts of an earlier one; a hanging delivery does not block its shutdown."""
    home = tmp_path / ".vaultedge"
    with simulated({"openai": "openai"}) as simulators, run_receiver() as receiver:
        prepare_home(tmp_path, simulators)
        environ = {"VAULTEDGE_ALERT_WEBHOOK": receiver.url, "VAULTEDGE_ALERT_WEBHOOK_SECRET": SECRET}
        asyncio.run(store_alert(home, "first", 900))
        with run_serve(tmp_path, environ=environ) as gateway:
            wait_for(lambda: receiver.tries == 1)
            first = gateway.stop(signal.SIGTERM)
        asyncio.run(store_alert(home, "second", 200))
        receiver.may_answer.clear()
        with run_serve(tmp_path, environ=environ) as gateway:
            wait_for(lambda: receiver.tries == 2)
            started = time.monotonic()
            second = gateway.stop(signal.SIGTERM)
            elapsed = time.monotonic() - started
            log = gateway.errors.read_text()
        documents = asyncio.run(read_deliveries(home))

    assert (first, second) == (0, 0)
    assert elapsed < 10
    assert documents == {80: True, 100: False}
    assert "Traceback" not in log
    assert SECRET not in log


async def store_alert(home: Path, id: str, tokens: int) -> None:
    store = SQLiteStore(home / "vaultedge.db", SystemClock())
    await settle_usage(build_limiter(store, SystemClock()), SystemClock(), QUOTA, id, tokens)
    await store.aclose()


async def read_deliveries(home: Path) -> dict[int, bool]:
    store = SQLiteStore(home / "vaultedge.db", SystemClock())
    documents = await stored_alerts(store)
    await store.aclose()
    return {each.body["percent"]: each.body["delivered"] is not None for each in documents}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # another process, which reports no deliveries
