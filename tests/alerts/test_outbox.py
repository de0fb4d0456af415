"""The delivery of alerts: once where nothing breaks, at least once and under one id where anything does."""

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
from tests.alerts.receiver import PATH, SECRET, receiving
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
async def opened(kind: str, folder: Path, clock: Clock) -> AsyncIterator[Store]:
    store: Store
    match kind:
        case "memory":
            store = MemoryStore(clock)
        case "sqlite":
            store = SQLiteStore(folder / "state.db", clock)
        case _:
            its = FakeClock()  # which its pauses move
            its.time = clock.now()
            store = table().store(its)
    try:
        yield store
    finally:
        await store.aclose()


class Crash(BaseException):
    """The process ends here."""


class Dying(MemoryStore):
    """Ends the process before or after one of the writes to come, and is good again for the next one."""

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


class Listener:
    """A sink in this process: what it has taken, and whether it takes anything."""

    def __init__(self, name: str = "listener") -> None:
        self.name, self.tries = name, 0
        self.taken: list[str] = []
        self.reason: str | None = None

    async def send(self, notice: Notification) -> None:
        self.tries += 1
        if self.reason is not None:
            raise DeliveryFailed(self.reason)
        self.taken.append(notice.id)


async def crossed(store: Store, clock: Clock, sink: AlertOutbox | None = None) -> None:
    """Pass 80 % of a quota, at once."""
    await settle_usage(build_limiter(store, clock, sink), clock, QUOTA, "request", 900)


@pytest.mark.parametrize("kind", ["memory", "sqlite", "dynamo"])
async def test_a_race_passes_each_mark_once(kind: str, tmp_path: Path, clock: FakeClock) -> None:
    """Of 200 settlements at once that pass 80 % and 100 % each mark makes one alert and one post."""
    caller = Caller(key(Limits(tokens=1_000)))
    with receiving() as receiver:
        async with opened(kind, tmp_path, clock) as store:
            outbox = build_outbox(store, receiver.url, clock)
            door = build_limiter(store, clock, outbox)
            async with asyncio.TaskGroup() as group:
                for number in range(200):
                    group.create_task(settle_usage(door, clock, caller, f"r{number}", random.randint(5, 9)))
                for _ in range(20):  # upkeep comes in between
                    group.create_task(outbox.deliver())
            await door.settle_owed()  # what the store was too busy for
            await outbox.aclose()
            for _ in range(3):
                await outbox.deliver()
            documents = await stored_alerts(store)

    assert sorted(document.body["percent"] for document in documents) == [80, 100]
    assert all(document.body["delivered"] is not None for document in documents)
    assert receiver.ids == {document.body["id"]: 1 for document in documents}
    assert receiver.forged == 0


@pytest.mark.parametrize("kind", ["sqlite", "dynamo"])
async def test_many_processes_deliver_once(kind: str, tmp_path: Path, clock: FakeClock) -> None:
    """However many processes find an alert outstanding, one of them sends it."""
    with receiving() as receiver:
        async with opened(kind, tmp_path, clock) as store:
            for number in range(10):
                caller = Caller(key(Limits(tokens=10), f"key_{number}"))
                await settle_usage(build_limiter(store, clock), clock, caller, f"r{number}", 8)
            processes = [build_outbox(store, receiver.url, clock) for _ in range(8)]
            delivered = await asyncio.gather(*(each.deliver() for each in processes))

    assert sum(delivered) == 10
    assert list(receiver.ids.values()) == [1] * 10


async def test_notify_waits_for_nobody(clock: FakeClock) -> None:
    """A settlement returns while the receiver still thinks; closing waits for the answer."""
    store = MemoryStore(clock)
    with receiving() as receiver:
        receiver.gate.clear()
        outbox = build_outbox(store, receiver.url, clock)
        await crossed(store, clock, outbox)
        (waiting,) = await stored_alerts(store)
        receiver.gate.set()
        await outbox.aclose()
        (done,) = await stored_alerts(store)

    assert (waiting.body["delivered"], done.body["delivered"]) == (None, NOON)
    assert receiver.posts[0]["data"]["percent"] == 80


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2])
async def test_a_crash_loses_nothing(write: int, moment: str, clock: FakeClock) -> None:
    """Wherever a process ends, a minute later another delivers under the same id; nobody does before."""
    store = Dying(clock)
    with receiving() as receiver:
        await crossed(store, clock)
        setattr(store, moment, write)
        with pytest.raises(Crash):
            await build_outbox(store, receiver.url, clock).deliver()
        sent = len(receiver.posts)
        claimed = (write, moment) != (1, "before")
        clock.time += CLAIM_TIME - 1
        early = await build_outbox(store, receiver.url, clock).deliver()
        clock.time += 1
        late = await build_outbox(store, receiver.url, clock).deliver()
        again = await build_outbox(store, receiver.url, clock).deliver()
        (document,) = await stored_alerts(store)

    marked = (write, moment) == (2, "after")
    assert sent == (write == 2)
    assert (early, late, again) == (0 if claimed else 1, int(claimed and not marked), 0)
    assert receiver.ids == {document.body["id"]: 2 if (write, moment) == (2, "before") else 1}
    assert document.body["delivered"] is not None


@pytest.mark.parametrize("fates", [(500, 200), ("die before", 200), (429, 302, 200), (404, 410, 204)])
async def test_what_is_not_taken_is_sent_again(fates: Sequence[int], clock: FakeClock) -> None:
    """Errors, redirects and resets are no delivery: the same alert comes again, after longer and longer."""
    store = MemoryStore(clock)
    with receiving(lambda number: fates[number]) as receiver:
        outbox = build_outbox(store, receiver.url, clock)
        await crossed(store, clock, outbox)
        await outbox.aclose()
        for number in range(1, len(fates)):
            pause = PAUSES[0] * 2 ** (number - 1)
            clock.time += pause - 1
            assert await outbox.deliver() == 0
            assert receiver.tries == number
            clock.time += 1
            assert await outbox.deliver() == (number == len(fates) - 1)
        (document,) = await stored_alerts(store)

    assert receiver.ids == {document.body["id"]: 1}
    assert document.body["delivered"] == clock.now()


async def test_who_took_it_and_died_hears_of_it_again(clock: FakeClock) -> None:
    """A receiver that dies before it answers gets the alert again, under the id that it knows."""
    store = MemoryStore(clock)
    with receiving(lambda number: "die after" if number == 0 else 200) as receiver:
        outbox = build_outbox(store, receiver.url, clock)
        await crossed(store, clock, outbox)
        await outbox.aclose()
        clock.time += PAUSES[0]
        await outbox.deliver()

    assert list(receiver.ids.values()) == [2]
    assert receiver.posts[0] == receiver.posts[1]


async def test_a_wild_receiver_gets_every_alert(tmp_path: Path, clock: FakeClock) -> None:
    """With any mixture of failures all alerts arrive, none under two ids, none that nobody wrote."""
    chance = random.Random(7)
    fates = [chance.choice([200, 200, 500, "die before", "die after"]) for _ in range(2_000)]
    with receiving(lambda number: fates[number]) as receiver:  # type: ignore[arg-type, return-value]
        async with opened("sqlite", tmp_path, clock) as store:
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


async def test_it_is_given_up_after_a_day(clock: FakeClock) -> None:
    """An alert that nobody takes is tried for a day from its first try on, then marked, then left alone."""
    store, sink = MemoryStore(clock), Listener()
    sink.reason = "HTTP 503"
    await crossed(store, clock)
    clock.time += 5 * 86_400  # nobody was there
    outbox, began = AlertOutbox(store, [sink], clock, Log()), clock.time
    while (delivery := Delivery.of((await stored_alerts(store))[0].body)).failed is None:
        await outbox.deliver()
        clock.time += 300
        assert clock.time < began + 2 * GIVE_UP_AFTER
    tries, sink.reason = sink.tries, None
    clock.time += GIVE_UP_AFTER
    await outbox.deliver()

    assert GIVE_UP_AFTER <= delivery.failed - began <= GIVE_UP_AFTER + PAUSES[1] + 300
    assert delivery.reasons == {"listener": "HTTP 503"}
    assert 24 <= tries <= 40
    assert sink.taken == []


async def test_each_sink_hears_of_it_once(clock: FakeClock) -> None:
    """Where one of two sinks fails only that one is tried again, and both times are kept."""
    store, good, bad = MemoryStore(clock), Listener("good"), Listener("bad")
    bad.reason = "HTTP 500"
    outbox = AlertOutbox(store, [good, bad], clock, Log())
    await crossed(store, clock, outbox)
    await outbox.aclose()
    (half,) = await stored_alerts(store)
    bad.reason = None
    clock.time += PAUSES[0]
    await outbox.deliver()
    (whole,) = await stored_alerts(store)

    assert (half.body["delivered"], Delivery.of(half.body).sinks) == (None, {"good": NOON})
    assert whole.body["delivered"] == NOON + PAUSES[0]
    assert Delivery.of(whole.body).sinks == {"good": NOON, "bad": NOON + PAUSES[0]}
    assert len(good.taken) == len(bad.taken) == 1
    assert half.expires == whole.expires == NOON + RETENTION


async def test_without_sinks_alerts_are_kept(clock: FakeClock) -> None:
    """Where nobody listens nothing is claimed or given up; who listens later hears of the last week's."""
    store, sink = MemoryStore(clock), Listener()
    await settle_usage(build_limiter(store, clock), clock, Caller(key(Limits(tokens=10), "old")), "old", 9)
    clock.time += FIRST_SEARCH
    deaf = AlertOutbox(store, (), clock, Log())
    await crossed(store, clock, deaf)
    await deaf.aclose()
    assert await deaf.deliver() == 0
    assert {document.version for document in await stored_alerts(store)} == {1}
    clock.time += 60

    assert await AlertOutbox(store, [sink], clock, Log()).deliver() == 1
    assert [taken.split("-")[1] for taken in sink.taken] == ["request"]


async def test_a_failing_alert_hides_no_other(clock: FakeClock) -> None:
    """More alerts than one pass takes are all delivered, also behind those that fail."""
    store, sink = MemoryStore(clock), Listener()
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


async def test_a_store_that_is_away_fails_the_pass_and_loses_nothing(clock: FakeClock) -> None:
    """A delivery whose outcome cannot be written down is repeated under its id."""

    class Away(Dying):
        async def write(self, *writes: Put | Delete | Add) -> None:
            try:
                await super().write(*writes)
            except Crash:
                raise StoreUnavailable("the store is away") from None

    store, sink = Away(clock), Listener()
    await crossed(store, clock)
    store.before = 2
    outbox = AlertOutbox(store, [sink], clock, Log())
    with pytest.raises(StoreUnavailable):
        await outbox.deliver()
    clock.time += CLAIM_TIME

    assert await outbox.deliver() == 1
    assert len(sink.taken) == 2
    assert len(set(sink.taken)) == 1


async def test_what_is_posted_is_standard(clock: FakeClock) -> None:
    """Type, time and data as Standard Webhooks wants them; numbers are told as they were counted."""
    store = MemoryStore(clock)
    with receiving() as receiver:
        outbox = build_outbox(store, receiver.url, clock)
        await crossed(store, clock, outbox)
        clock.time += 3.7
        await outbox.aclose()
    (post,), (head,) = receiver.posts, receiver.heads

    assert post.keys() == {"type", "timestamp", "data"}
    assert post["type"] == "limit.reached"
    assert datetime.fromisoformat(post["timestamp"]).timestamp() == NOON
    assert post["data"]["id"] == head["webhook-id"] == "alert-request-tokens-key-80"
    assert (post["data"]["used"], post["data"]["most"], post["data"]["unit"]) == (900, 1_000, "tokens")
    assert post["data"]["text"] == "key key_one has used 80 % of its token quota: 900 of 1000 tokens"
    assert NOON <= int(head["webhook-timestamp"]) <= clock.now()
    assert head["content-type"] == "application/json"


async def test_no_address_and_no_secret_is_logged(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """What is said of a failure, to the log and in the document, names a sink and a reason only."""
    caplog.set_level(logging.DEBUG)
    store = MemoryStore(clock)
    with receiving(lambda number: (500, "die before")[number]) as receiver:  # type: ignore[arg-type, return-value]
        outbox = build_outbox(store, receiver.url, clock)
        await crossed(store, clock, outbox)
        await outbox.aclose()
        clock.time += PAUSES[0]
        await outbox.deliver()
        gone = receiver.url
    clock.time += PAUSES[1]
    await outbox.deliver()  # nobody listens there any more
    ours = [record for record in caplog.records if record.name == LOGGER]
    lines = [json.loads(JsonLines().format(record)) for record in ours]
    everything = repr((vars(store), lines, outbox))

    assert [line["reason"] for line in lines] == ["HTTP 500", "RemoteProtocolError", "ConnectError"] or [
        line["reason"] for line in lines
    ] == ["HTTP 500", "ReadError", "ConnectError"]
    assert [each for each in (SECRET, SECRET[6:], "sentinel", PATH, gone) if each in everything] == []
