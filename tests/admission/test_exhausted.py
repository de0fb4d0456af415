"""Alerts of exhausted limits: one per limit and period, however many requests are refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.admission.limiter_setup import build_limiter, build_outbox, key, settle_usage, stored_alerts
from tests.alerts.test_outbox import open_store
from tests.alerts.webhook_receiver import run_receiver
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


class FaultyStore(MemoryStore):
    """Counts its writes. On request it is unavailable, or hangs."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.writes = 0
        self.unavailable = self.hangs = False

    async def write(self, *writes: Put | Delete | Add) -> None:
        self.writes += 1
        if self.unavailable:
            raise StoreUnavailable("the store does not answer", retry_after=1)
        if self.hangs:
            await asyncio.Event().wait()
        await super().write(*writes)


async def refuse(
    limiter: Limiter, clock: FakeClock, caller: Caller, id: str, tokens: int = 300
) -> GatewayError:
    """Return the error of a request for this many tokens."""
    call = Call(id, {"model": "m", "messages": []}, clock.now(), attempts.RetryPolicy())
    with pytest.raises(GatewayError) as raised:
        await limiter.admit(caller, call, RequestEstimate(0, 0, tokens), [])
    return raised.value


@pytest.mark.parametrize("kind", ["memory", "sqlite", "dynamo"])
async def test_many_refusals_write_one_alert(kind: str, tmp_path: Path, clock: FakeClock) -> None:
    """However many processes refuse however many requests at once, one alert is written and posted."""
    with run_receiver() as receiver:
        async with open_store(kind, tmp_path, clock) as store:
            await settle_usage(build_limiter(store, clock), clock, QUOTA, "first", 900)
            outbox = build_outbox(store, receiver.url, clock)
            limiters = [build_limiter(store, clock, outbox) for _ in range(6)]
            refusals = [
                refuse(limiter, clock, QUOTA, f"{n}-{m}")
                for n, limiter in enumerate(limiters)
                for m in range(8)
            ]
            errors = await asyncio.gather(*refusals)
            await outbox.aclose()
            await outbox.deliver()
            alerts = [each.body for each in await stored_alerts(store)]

    assert {(each.status, each.code) for each in errors} == {(429, "quota_exceeded")}
    (crossed,), (exhausted,) = (
        [each for each in alerts if each.get("refused", False) is is_refused] for is_refused in (False, True)
    )
    assert crossed["percent"] == 80
    assert (exhausted["percent"], exhausted["used"], exhausted["most"]) == (90, 900, 1_000)
    assert exhausted["limit"] == "tokens"
    assert receiver.ids == {crossed["id"]: 1, exhausted["id"]: 1}
    (post,) = [each["data"] for each in receiver.posts if each["data"]["refused"]]
    assert post["text"] == "key key_one was refused: not enough token quota remaining: 100 of 1000 tokens"


async def test_a_process_writes_an_alert_once(clock: FakeClock) -> None:
    """After its alert, further refusals in a process make no write."""
    store = FaultyStore(clock)
    limiter = build_limiter(store, clock)
    await settle_usage(limiter, clock, QUOTA, "first", 900)
    clock.time += 1
    for n in range(5):
        await refuse(limiter, clock, QUOTA, f"{n}")
    other = build_limiter(store, clock)
    for n in range(5):
        await refuse(other, clock, QUOTA, f"other-{n}")

    assert store.writes == 2
    assert [each.body["id"] for each in await stored_alerts(store)] == [
        "alert-first-tokens-key-80",
        "alert-0-tokens-key-90",
    ]


@pytest.mark.parametrize(
    ("limits", "used", "tokens", "thresholds"),
    [
        (Limits(tokens=1_000), 799, 202, (80, 100)),  # more than remains, while much remains
        (Limits(rpm=1), 900, 300, (80, 100)),
        (Limits(tokens=1_000), 900, 300, (50, 80)),
        (Limits(tokens=1_000), 900, 300, ()),
    ],
    ids=["much remains", "rate limit", "other thresholds", "no thresholds"],
)
async def test_refusals_without_an_alert(
    limits: Limits, used: int, tokens: int, thresholds: tuple[int, ...], clock: FakeClock
) -> None:
    """No alert is written for a request too large in itself, a rate limit, or without the 100 % threshold."""
    store = FaultyStore(clock)
    limiter, caller = (
        build_limiter(store, clock),
        Caller(key(limits), policy=LimitPolicy(thresholds=thresholds)),
    )
    await settle_usage(limiter, clock, caller, "first", used)
    if limits.rpm:
        await limiter.admit(
            caller, Call("in", {}, clock.now(), attempts.RetryPolicy()), RequestEstimate(0, 0, 1), []
        )
    await refuse(limiter, clock, caller, "refused", tokens)

    assert store.writes == 0


async def test_other_limits_and_periods_have_their_own_alert(clock: FakeClock) -> None:
    """Another account, another limit, a raised limit or another day has its own alert."""
    store = MemoryStore(clock)
    exhausted = ExhaustedAlerts(store, clock, Log())
    day = Account(day="2026-11-22", day_nanos=9, nanos=9, tokens=9)
    cases: list[tuple[str, Limits, str, Account]] = [
        ("key:a", Limits(day=10), "day", day),
        ("key:b", Limits(day=10), "day", day),
        ("gateway", Limits(day=10), "day", day),
        ("key:a", Limits(day=11), "day", day),
        ("key:a", Limits(day=10), "day", replace(day, day="2026-11-23")),
        ("key:a", Limits(credits=10), "credits", day),
        ("key:a", Limits(tokens=10), "tokens", day),
    ]
    for _ in range(2):
        for n, (account, limits, limit, account_state) in enumerate(cases):
            await exhausted.alert(LimitRefused(Level(account, limits), Denial(limit), account_state), f"{n}")

    assert len(await stored_alerts(store)) == len(cases)


def make_unavailable(store: FaultyStore) -> None:
    store.unavailable = True


def make_hang(store: FaultyStore) -> None:
    store.hangs = True


@pytest.mark.parametrize("fail", [make_unavailable, make_hang])
async def test_a_failing_store_does_not_delay_a_refusal(
    fail: Callable[[FaultyStore], None],
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """If the alert cannot be written, the request is refused in time.

    The failure is logged, and a later refusal writes the alert.
    """
    store = FaultyStore(clock)
    limiter = build_limiter(store, clock)
    await settle_usage(limiter, clock, QUOTA, "first", 900)
    limiter._exhausted_alerts = ExhaustedAlerts(store, clock, Log(), timeout=0.02)
    fail(store)
    for n in range(3):
        assert (await refuse(limiter, clock, QUOTA, f"{n}")).code == "quota_exceeded"
    (line,) = [json.loads(JsonLines().format(each)) for each in caplog.records if each.name == LOGGER]
    assert line["alert"] == "alert-0-tokens-key-90"
    assert (store.writes, len(await stored_alerts(store))) == (1, 1)

    store.unavailable = store.hangs = False
    clock.time += RETRY_INTERVAL
    await refuse(limiter, clock, QUOTA, "later")
    assert [each.body["id"] for each in await stored_alerts(store)] == [
        "alert-first-tokens-key-80",
        "alert-later-tokens-key-90",
    ]


async def test_remaining_money_in_the_notification(clock: FakeClock) -> None:
    """Remaining money is given to the last digit; an overdrawn limit has 0 remaining."""
    exhausted = ExhaustedAlerts(MemoryStore(clock), clock, Log())
    texts = []
    for nanos in (19_999_700_000, 20_500_000_000):
        level = Level(f"owner:o{nanos}", Limits(credits=20_000_000_000))  # type: ignore[arg-type]
        put = await exhausted.alert(LimitRefused(level, Denial("credits"), Account(nanos=nanos)), "id")
        assert put is not None
        texts.append(build_notification(put.body).text)

    assert texts == [
        "owner o19999700000 was refused: not enough credits remaining: 0.0003 of 20 usd",
        "owner o20500000000 was refused: not enough credits remaining: 0 of 20 usd",
    ]


async def test_a_keys_own_thresholds_have_precedence(clock: FakeClock) -> None:
    """A key's thresholds replace the gateway's, for usage and for refusals."""
    store = MemoryStore(clock)
    policy = LimitPolicy(gateway=Limits(tokens=1_000), thresholds=(70,))
    limiter, caller = (
        build_limiter(store, clock),
        Caller(replace(key(Limits(tokens=1_000)), thresholds=(60, 100)), policy=policy),
    )
    await settle_usage(limiter, clock, caller, "first", 900)
    await refuse(limiter, clock, caller, "refused")

    alerts = [(each.body["level"], each.body["percent"]) for each in await stored_alerts(store)]
    assert alerts == [("gateway", 70), ("key", 60), ("key", 90)]
