"""Delivery of alerts: once if nothing fails, else at least once and under one id."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from tests.admission.limiter_setup import NOON, build_limiter, build_outbox, key, settle_usage, stored_alerts
from tests.alerts.webhook_receiver import PATH, SECRET, run_receiver
from tests.fakes.clock import FakeClock
from tests.store.ministack import table
from vaultcore.admission.caller import Caller
from vaultcore.admission.settlement import RETENTION
from vaultcore.alerts.notification import DeliveryFailed, Notification
from vaultcore.alerts.outbox import CLAIM_TIME, FIRST_SEARCH, GIVE_UP_AFTER, PAUSES, AlertOutbox, Delivery
from vaultcore.clock import Clock
from vaultcore.errors import StoreUnavailable
from vaultcore.limits.limits import Limits
from vaultcore.store.base import Add, Delete, Put, Store
from vaultcore.store.memory import MemoryStore
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.telemetry import LOGGER, JsonLines, Log

pytestmark = pytest.mark.anyio
QUOTA = Caller(key(Limits(tokens=1_000)))


@asynccontextmanager
async def open_store(kind: str, folder: Path, clock: Clock) -> AsyncIterator[Store]:
    store: Store
    match kind:
        case "memory":
            store = MemoryStore(clock)
        case "sqlite":
            store = SQLiteStore(folder / "state.db", clock)
        case _:
            store_clock = FakeClock()  # its pauses advance it
            store_clock.time = clock.now()
            store = table().store(store_clock)
    try:
        yield store
    finally:
        await store.aclose()


class Crash(BaseException):
    """The process ends here."""


class CrashingStore(MemoryStore):
    """Ends the process before or after its n-th write, once."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.writes = 0
        self.before: int | None = None
        self.after: int | None = None

    async def write(self, *writes: Put | Delete | Add) -> None:
        self.writes += 1
        if self.before == self.writes:
            raise Crash
        await super().write(*writes)
        if self.after == self.writes:
            raise Crash


class RecordingSink:
    """A sink in this process: it records what it accepts, or fails with `reason`."""

    def __init__(self, name: str = "recording") -> None:
        self.name, self.tries = name, 0
        self.accepted: list[str] = []
        self.reason: str | None = None

    async def send(self, notification: Notification) -> None:
        self.tries += 1
        if self.reason is not None:
            raise DeliveryFailed(self.reason)
        self.accepted.append(notification.id)


async def cross_threshold(store: Store, clock: Clock, outbox: AlertOutbox | None = None) -> None:
    """Settle a call that uses 90 % of a quota."""
    await settle_usage(build_limiter(store, clock, outbox), clock, QUOTA, "request", 900)


@pytest.mark.parametrize("kind", ["memory", "sqlite", "dynamo"])
async def test_concurrent_settlements_cross_each_threshold_once(
    kind: str, tmp_path: Path, clock: FakeClock
) -> None:
    """Of 200 concurrent settlements over 80 % and 100 %, each threshold makes one alert and one post."""
    caller = Caller(key(Limits(tokens=1_000)))
    with run_receiver() as receiver:
        async with open_store(kind, tmp_path, clock) as store:
            outbox = build_outbox(store, receiver.url, clock)
            limiter = build_limiter(store, clock, outbox)
            async with asyncio.TaskGroup() as group:
                for number in range(200):
                    group.create_task(
                        settle_usage(limiter, clock, caller, f"r{number}", random.randint(5, 9))
                    )
                for _ in range(20):  # maintenance runs meanwhile
                    group.create_task(outbox.deliver())
            await limiter.settle_owed()  # settlements that the store was too busy for
            await outbox.aclose()
            for _ in range(3):
                await outbox.deliver()
            documents = await stored_alerts(store)

    assert sorted(document.body["percent"] for document in documents) == [80, 100]
    assert all(document.body["delivered"] is not None for document in documents)
    assert receiver.ids == {document.body["id"]: 1 for document in documents}
    assert receiver.invalid == 0


@pytest.mark.parametrize("kind", ["sqlite", "dynamo"])
async def test_many_processes_deliver_once(kind: str, tmp_path: Path, clock: FakeClock) -> None:
    """However many processes find an undelivered alert, one of them posts it."""
    with run_receiver() as receiver:
        async with open_store(kind, tmp_path, clock) as store:
            for number in range(10):
                caller = Caller(key(Limits(tokens=10), f"key_{number}"))
                await settle_usage(build_limiter(store, clock), clock, caller, f"r{number}", 8)
            processes = [build_outbox(store, receiver.url, clock) for _ in range(8)]
            delivered = await asyncio.gather(*(each.deliver() for each in processes))

    assert sum(delivered) == 10
    assert list(receiver.ids.values()) == [1] * 10


async def test_notify_does_not_wait(clock: FakeClock) -> None:
    """A settlement returns before the receiver answers; closing the outbox waits for the answer."""
    store = MemoryStore(clock)
    with run_receiver() as receiver:
        receiver.may_answer.clear()
        outbox = build_outbox(store, receiver.url, clock)
        await cross_threshold(store, clock, outbox)
        (pending,) = await stored_alerts(store)
        receiver.may_answer.set()
        await outbox.aclose()
        (delivered_alert,) = await stored_alerts(store)

    assert (pending.body["delivered"], delivered_alert.body["delivered"]) == (None, NOON)
    assert receiver.posts[0]["data"]["percent"] == 80


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2])
async def test_a_crash_loses_no_alert(write: int, moment: str, clock: FakeClock) -> None:
    """After a crash another process delivers the alert under the same id, once the claim has expired."""
    store = CrashingStore(clock)
    with run_receiver() as receiver:
        await cross_threshold(store, clock)
        setattr(store, moment, write)
        with pytest.raises(Crash):
            await build_outbox(store, receiver.url, clock).deliver()
        posts = len(receiver.posts)
        claimed = (write, moment) != (1, "before")
        clock.time += CLAIM_TIME - 1
        early = await build_outbox(store, receiver.url, clock).deliver()
        clock.time += 1
        late = await build_outbox(store, receiver.url, clock).deliver()
        repeated = await build_outbox(store, receiver.url, clock).deliver()
        (document,) = await stored_alerts(store)

    was_stored = (write, moment) == (2, "after")
    assert posts == (write == 2)
    assert (early, late, repeated) == (0 if claimed else 1, int(claimed and not was_stored), 0)
    assert receiver.ids == {document.body["id"]: 2 if (write, moment) == (2, "before") else 1}
    assert document.body["delivered"] is not None


@pytest.mark.parametrize("results", [(500, 200), ("reset before", 200), (429, 302, 200), (404, 410, 204)])
async def test_a_failed_delivery_is_retried_with_backoff(results: Sequence[int], clock: FakeClock) -> None:
    """After errors, redirects and resets the same alert is posted again, after growing pauses."""
    store = MemoryStore(clock)
    with run_receiver(lambda number: results[number]) as receiver:
        outbox = build_outbox(store, receiver.url, clock)
        await cross_threshold(store, clock, outbox)
        await outbox.aclose()
        for number in range(1, len(results)):
            pause = PAUSES[0] * 2 ** (number - 1)
            clock.time += pause - 1
            assert await outbox.deliver() == 0
            assert receiver.tries == number
            clock.time += 1
            assert await outbox.deliver() == (number == len(results) - 1)
        (document,) = await stored_alerts(store)

    assert receiver.ids == {document.body["id"]: 1}
    assert document.body["delivered"] == clock.now()


async def test_a_receiver_that_crashed_gets_the_alert_again(clock: FakeClock) -> None:
    """A receiver that accepts an alert but does not answer gets it again under the same id."""
    store = MemoryStore(clock)
    with run_receiver(lambda number: "reset after" if number == 0 else 200) as receiver:
        outbox = build_outbox(store, receiver.url, clock)
        await cross_threshold(store, clock, outbox)
        await outbox.aclose()
        clock.time += PAUSES[0]
        await outbox.deliver()

    assert list(receiver.ids.values()) == [2]
    assert receiver.posts[0] == receiver.posts[1]


async def test_a_failing_receiver_gets_every_alert(tmp_path: Path, clock: FakeClock) -> None:
    """With any mixture of failures all alerts arrive, each under its own id, and no others."""
    draw = random.Random(7)
    results = [draw.choice([200, 200, 500, "reset before", "reset after"]) for _ in range(2_000)]
    with run_receiver(lambda number: results[number]) as receiver:  # type: ignore[arg-type, return-value]
        async with open_store("sqlite", tmp_path, clock) as store:
            outbox = build_outbox(store, receiver.url, clock)
            for number in range(40):
                caller = Caller(key(Limits(tokens=10), f"key_{number}"))
                await settle_usage(build_limiter(store, clock, outbox), clock, caller, f"r{number}", 10)
            await outbox.aclose()
            for _ in range(40):
                clock.time += PAUSES[1]
                await outbox.deliver()
                if all(document.body["delivered"] for document in await stored_alerts(store)):
                    break
            documents = await stored_alerts(store)

    assert len(documents) == 80
    assert set(receiver.ids) == {document.body["id"] for document in documents}
    assert all(document.body["delivered"] for document in documents)


async def test_an_alert_is_given_up_after_a_day(clock: FakeClock) -> None:
    """An alert that fails for a day since its first try is marked as failed, and not tried again."""
    store, sink = MemoryStore(clock), RecordingSink()
    sink.reason = "HTTP 503"
    await cross_threshold(store, clock)
    clock.time += 5 * 86_400  # no process ran
    outbox, start = AlertOutbox(store, [sink], clock, Log()), clock.time
    while (delivery := Delivery.of((await stored_alerts(store))[0].body)).failed is None:
        await outbox.deliver()
        clock.time += 300
        assert clock.time < start + 2 * GIVE_UP_AFTER
    tries, sink.reason = sink.tries, None
    clock.time += GIVE_UP_AFTER
    await outbox.deliver()

    assert GIVE_UP_AFTER <= delivery.failed - start <= GIVE_UP_AFTER + PAUSES[1] + 300
    assert delivery.reasons == {"recording": "HTTP 503"}
    assert 24 <= tries <= 40
    assert sink.accepted == []


async def test_each_sink_accepts_an_alert_once(clock: FakeClock) -> None:
    """If one of two sinks fails, only that one is tried again; both times are stored."""
    store, working, failing = MemoryStore(clock), RecordingSink("working"), RecordingSink("failing")
    failing.reason = "HTTP 500"
    outbox = AlertOutbox(store, [working, failing], clock, Log())
    await cross_threshold(store, clock, outbox)
    await outbox.aclose()
    (partly_delivered,) = await stored_alerts(store)
    failing.reason = None
    clock.time += PAUSES[0]
    await outbox.deliver()
    (fully_delivered,) = await stored_alerts(store)

    assert (partly_delivered.body["delivered"], Delivery.of(partly_delivered.body).sinks) == (
        None,
        {"working": NOON},
    )
    assert fully_delivered.body["delivered"] == NOON + PAUSES[0]
    assert Delivery.of(fully_delivered.body).sinks == {"working": NOON, "failing": NOON + PAUSES[0]}
    assert len(working.accepted) == len(failing.accepted) == 1
    assert partly_delivered.expires == fully_delivered.expires == NOON + RETENTION


async def test_without_sinks_alerts_stay_undelivered(clock: FakeClock) -> None:
    """Without sinks no alert is claimed or given up; a sink added later gets those of the last week."""
    store, sink = MemoryStore(clock), RecordingSink()
    await settle_usage(build_limiter(store, clock), clock, Caller(key(Limits(tokens=10), "old")), "old", 9)
    clock.time += FIRST_SEARCH
    without_sinks = AlertOutbox(store, (), clock, Log())
    await cross_threshold(store, clock, without_sinks)
    await without_sinks.aclose()
    assert await without_sinks.deliver() == 0
    assert {document.version for document in await stored_alerts(store)} == {1}
    clock.time += 60

    assert await AlertOutbox(store, [sink], clock, Log()).deliver() == 1
    assert [each.split("-")[1] for each in sink.accepted] == ["request"]


async def test_failing_alerts_do_not_block_others(clock: FakeClock) -> None:
    """More alerts than one pass delivers are all delivered, also behind failing ones."""
    store, sink = MemoryStore(clock), RecordingSink()
    for number in range(150):
        caller = Caller(key(Limits(tokens=10), f"key_{number}"))
        await settle_usage(build_limiter(store, clock), clock, caller, f"r{number:03}", 8)
        clock.time += 1
    outbox = AlertOutbox(store, [sink], clock, Log())
    sink.reason = "HTTP 500"
    await outbox.deliver()
    sink.reason = None
    delivered = [await outbox.deliver() for _ in range(3)]
    clock.time += PAUSES[0]

    assert delivered == [64, 22, 0]
    assert await outbox.deliver() == 64


async def test_an_unavailable_store_fails_the_pass_and_loses_no_alert(clock: FakeClock) -> None:
    """A delivery whose result cannot be stored is repeated under the same id."""

    class UnavailableStore(CrashingStore):
        async def write(self, *writes: Put | Delete | Add) -> None:
            try:
                await super().write(*writes)
            except Crash:
                raise StoreUnavailable("the store is unavailable") from None

    store, sink = UnavailableStore(clock), RecordingSink()
    await cross_threshold(store, clock)
    store.before = 2
    outbox = AlertOutbox(store, [sink], clock, Log())
    with pytest.raises(StoreUnavailable):
        await outbox.deliver()
    clock.time += CLAIM_TIME

    assert await outbox.deliver() == 1
    assert len(sink.accepted) == 2
    assert len(set(sink.accepted)) == 1


async def test_posts_follow_standard_webhooks(clock: FakeClock) -> None:
    """Type, timestamp and data are as in Standard Webhooks; amounts are numbers."""
    store = MemoryStore(clock)
    with run_receiver() as receiver:
        outbox = build_outbox(store, receiver.url, clock)
        await cross_threshold(store, clock, outbox)
        clock.time += 3.7
        await outbox.aclose()
    (post,), (post_headers,) = receiver.posts, receiver.headers

    assert post.keys() == {"type", "timestamp", "data"}
    assert post["type"] == "limit.reached"
    assert datetime.fromisoformat(post["timestamp"]).timestamp() == NOON
    assert post["data"]["id"] == post_headers["webhook-id"] == "alert-request-tokens-key-80"
    assert (post["data"]["used"], post["data"]["most"], post["data"]["unit"]) == (900, 1_000, "tokens")
    assert post["data"]["text"] == "key key_one has used 80 % of its token quota: 900 of 1000 tokens"
    assert NOON <= int(post_headers["webhook-timestamp"]) <= clock.now()
    assert post_headers["content-type"] == "application/json"


async def test_no_url_and_no_secret_is_logged(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """The log and the document of a failure name the sink and a reason only."""
    caplog.set_level(logging.DEBUG)
    store = MemoryStore(clock)
    with run_receiver(lambda number: (500, "reset before")[number]) as receiver:  # type: ignore[arg-type, return-value]
        outbox = build_outbox(store, receiver.url, clock)
        await cross_threshold(store, clock, outbox)
        await outbox.aclose()
        clock.time += PAUSES[0]
        await outbox.deliver()
        closed_url = receiver.url
    clock.time += PAUSES[1]
    await outbox.deliver()  # the receiver is closed
    records = [record for record in caplog.records if record.name == LOGGER]
    lines = [json.loads(JsonLines().format(record)) for record in records]
    visible = repr((vars(store), lines, outbox))

    assert [line["reason"] for line in lines] == ["HTTP 500", "RemoteProtocolError", "ConnectError"] or [
        line["reason"] for line in lines
    ] == ["HTTP 500", "ReadError", "ConnectError"]
    assert [each for each in (SECRET, SECRET[6:], "sentinel", PATH, closed_url) if each in visible] == []
