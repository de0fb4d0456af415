"""Alerts of what is used up: one for each limit and period, whoever is refused, and however often."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.admission.limiter_setup import build_limiter, build_outbox, key, settle_usage, stored_alerts
from tests.alerts.receiver import receiving
from tests.alerts.test_outbox import opened
from tests.fakes.clock import FakeClock
from vaultcore.admission.caller import Caller
from vaultcore.admission.exhausted import RETRY_INTERVAL, ExhaustedAlerts
from vaultcore.admission.limiter import Limiter
from vaultcore.alerts.notification import build_notification
from vaultcore.call import Call
from vaultcore.errors import GatewayError, StoreUnavailable
from vaultcore.limits.account import Account, Denial
from vaultcore.limits.limits import Limits
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.reservation import Level, LimitRefused
from vaultcore.routing import attempts
from vaultcore.store.base import Add, Delete, Put
from vaultcore.store.memory import MemoryStore
from vaultcore.telemetry import LOGGER, JsonLines, Log
from vaultcore.usage.request_estimate import RequestEstimate

pytestmark = pytest.mark.anyio
QUOTA = Caller(key(Limits(tokens=1_000)))


class Faulty(MemoryStore):
    """Counts what is written, and takes nothing, or takes it late, while it is told so."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.writes = 0
        self.away = self.hangs = False

    async def write(self, *writes: Put | Delete | Add) -> None:
        self.writes += 1
        if self.away:
            raise StoreUnavailable("the store does not answer", retry_after=1)
        if self.hangs:
            await asyncio.Event().wait()
        await super().write(*writes)


async def ask(door: Limiter, clock: FakeClock, caller: Caller, id: str, tokens: int = 300) -> GatewayError:
    """The refusal of a request that wants so many tokens."""
    call = Call(id, {"model": "m", "messages": []}, clock.now(), attempts.RetryPolicy())
    with pytest.raises(GatewayError) as refused:
        await door.admit(caller, call, RequestEstimate(0, 0, tokens), [])
    return refused.value


@pytest.mark.parametrize("kind", ["memory", "sqlite", "dynamo"])
async def test_a_flood_of_refusals_makes_one_alert(kind: str, tmp_path: Path, clock: FakeClock) -> None:
    """However many processes refuse however many requests at once, there is one alert, and one post of it."""
    with receiving() as receiver:
        async with opened(kind, tmp_path, clock) as store:
            await settle_usage(build_limiter(store, clock), clock, QUOTA, "first", 900)
            outbox = build_outbox(store, receiver.url, clock)
            doors = [build_limiter(store, clock, outbox) for _ in range(6)]
            asked = [ask(door, clock, QUOTA, f"{n}-{m}") for n, door in enumerate(doors) for m in range(8)]
            refused = await asyncio.gather(*asked)
            await outbox.aclose()
            await outbox.deliver()
            told = [each.body for each in await stored_alerts(store)]

    assert {(each.status, each.code) for each in refused} == {(429, "quota_exceeded")}
    (passed,), (used_up,) = (
        [each for each in told if each.get("refused", False) is is_] for is_ in (False, True)
    )
    assert passed["percent"] == 80
    assert (used_up["percent"], used_up["used"], used_up["most"]) == (90, 900, 1_000)
    assert used_up["limit"] == "tokens"
    assert receiver.ids == {passed["id"]: 1, used_up["id"]: 1}
    (post,) = [each["data"] for each in receiver.posts if each["data"]["refused"]]
    assert post["text"] == "key key_one was refused: not enough token quota remaining: 100 of 1000 tokens"


async def test_a_process_writes_once(clock: FakeClock) -> None:
    """What was told of is remembered: further refusals ask the store for nothing but room."""
    store = Faulty(clock)
    door = build_limiter(store, clock)
    await settle_usage(door, clock, QUOTA, "first", 900)
    clock.time += 1
    for n in range(5):
        await ask(door, clock, QUOTA, f"{n}")
    other = build_limiter(store, clock)
    for n in range(5):
        await ask(other, clock, QUOTA, f"other-{n}")

    assert store.writes == 2
    assert [each.body["id"] for each in await stored_alerts(store)] == [
        "alert-first-tokens-key-80",
        "alert-0-tokens-key-90",
    ]


@pytest.mark.parametrize(
    ("limits", "used", "tokens", "marks"),
    [
        (Limits(tokens=1_000), 799, 202, (80, 100)),  # more than the whole rest, while there is plenty
        (Limits(rpm=1), 900, 300, (80, 100)),
        (Limits(tokens=1_000), 900, 300, (50, 80)),
        (Limits(tokens=1_000), 900, 300, ()),
    ],
    ids=["plenty left", "a rate", "no such mark", "no marks"],
)
async def test_what_is_not_told_of(
    limits: Limits, used: int, tokens: int, marks: tuple[int, ...], clock: FakeClock
) -> None:
    """A request that was too large by itself, a rate, and a gateway that wants no such alert write none."""
    store = Faulty(clock)
    door, caller = build_limiter(store, clock), Caller(key(limits), policy=LimitPolicy(thresholds=marks))
    await settle_usage(door, clock, caller, "first", used)
    if limits.rpm:
        await door.admit(
            caller, Call("in", {}, clock.now(), attempts.RetryPolicy()), RequestEstimate(0, 0, 1), []
        )
    await ask(door, clock, caller, "refused", tokens)

    assert store.writes == 0


async def test_other_limits_and_days_are_told_of_anew(clock: FakeClock) -> None:
    """Who is refused for another limit, after a rise, on another day, or elsewhere is another alert."""
    store = MemoryStore(clock)
    used_up = ExhaustedAlerts(store, clock, Log())
    day = Account(day="2026-11-22", day_nanos=9, nanos=9, tokens=9)
    stories: list[tuple[str, Limits, str, Account]] = [
        ("key:a", Limits(day=10), "day", day),
        ("key:b", Limits(day=10), "day", day),
        ("gateway", Limits(day=10), "day", day),
        ("key:a", Limits(day=11), "day", day),
        ("key:a", Limits(day=10), "day", replace(day, day="2026-11-23")),
        ("key:a", Limits(credits=10), "credits", day),
        ("key:a", Limits(tokens=10), "tokens", day),
    ]
    for _ in range(2):
        for n, (account, limits, limit, held) in enumerate(stories):
            await used_up.alert(LimitRefused(Level(account, limits), Denial(limit), held), f"{n}")

    assert len(await stored_alerts(store)) == len(stories)


def stops(store: Faulty) -> None:
    store.away = True


def hangs(store: Faulty) -> None:
    store.hangs = True


@pytest.mark.parametrize("trouble", [stops, hangs])
async def test_a_store_in_trouble_keeps_no_refusal_up(
    trouble: Callable[[Faulty], None],
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where an alert cannot be written the refusal goes out, the log says so, and it is tried again."""
    store = Faulty(clock)
    door = build_limiter(store, clock)
    await settle_usage(door, clock, QUOTA, "first", 900)
    door._exhausted_alerts = ExhaustedAlerts(store, clock, Log(), timeout=0.02)
    trouble(store)
    for n in range(3):
        assert (await ask(door, clock, QUOTA, f"{n}")).code == "quota_exceeded"
    (line,) = [json.loads(JsonLines().format(each)) for each in caplog.records if each.name == LOGGER]
    assert line["alert"] == "alert-0-tokens-key-90"
    assert (store.writes, len(await stored_alerts(store))) == (1, 1)

    store.away = store.hangs = False
    clock.time += RETRY_INTERVAL
    await ask(door, clock, QUOTA, "later")
    assert [each.body["id"] for each in await stored_alerts(store)] == [
        "alert-first-tokens-key-80",
        "alert-later-tokens-key-90",
    ]


async def test_what_is_said_of_money(clock: FakeClock) -> None:
    """Money that is left is told to the last digit; what was overdrawn is nothing left."""
    used_up = ExhaustedAlerts(MemoryStore(clock), clock, Log())
    said = []
    for nanos in (19_999_700_000, 20_500_000_000):
        level = Level(f"owner:o{nanos}", Limits(credits=20_000_000_000))  # type: ignore[arg-type]
        put = await used_up.alert(LimitRefused(level, Denial("credits"), Account(nanos=nanos)), "id")
        assert put is not None
        said.append(build_notification(put.body).text)

    assert said == [
        "owner o19999700000 was refused: not enough credits remaining: 0.0003 of 20 usd",
        "owner o20500000000 was refused: not enough credits remaining: 0 of 20 usd",
    ]


async def test_a_key_has_marks_of_its_own(clock: FakeClock) -> None:
    """A key's marks go before the gateway's, for what it uses and for what it is refused."""
    store = MemoryStore(clock)
    policy = LimitPolicy(gateway=Limits(tokens=1_000), thresholds=(70,))
    door, caller = (
        build_limiter(store, clock),
        Caller(replace(key(Limits(tokens=1_000)), thresholds=(60, 100)), policy=policy),
    )
    await settle_usage(door, clock, caller, "first", 900)
    await ask(door, clock, caller, "refused")

    told = [(each.body["level"], each.body["percent"]) for each in await stored_alerts(store)]
    assert told == [("gateway", 70), ("key", 60), ("key", 90)]
