"""Refusals from memory: only of keys whose every request would be refused, and not for long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.admission.limiter_setup import key
from tests.fakes.clock import NOON
from vaultcore.admission.caller import Caller
from vaultcore.admission.refusals.refused_keys import (
    CAPACITY,
    MAX_SECONDS,
    RefusedKeys,
    seconds_without_room,
)
from vaultcore.errors import GatewayError, LimitExceeded, whole_seconds
from vaultcore.limits import account as accounts
from vaultcore.limits.account import Account, Charge, Denial, Lease
from vaultcore.limits.limits import Limits
from vaultcore.limits.policy import LimitPolicy
from vaultcore.limits.reservation import LimitRefused

SMALLEST = Lease(NOON, NOON + 960.0, tokens=1, minute=1, nanos=0)
LIMITS = st.builds(
    Limits,
    rpm=st.none() | st.integers(0, 5),
    tpm=st.none() | st.integers(0, 40),
    parallel=st.none() | st.integers(1, 3),
    tokens=st.none() | st.integers(0, 60),
    credits=st.none() | st.integers(0, 60),
    day=st.none() | st.integers(0, 60),
    month=st.none() | st.integers(0, 60),
)
REQUESTS = st.lists(
    st.tuples(
        st.integers(0, 70_000),  # milliseconds after the request before it
        st.integers(1, 30),  # tokens
        st.integers(0, 30),  # nano-dollars
        st.sampled_from(["runs", "fails", "costs less", "costs all", "costs more"]),
    ),
    min_size=1,
    max_size=14,
)
RPM = Caller(key(Limits(rpm=3)))
EXPIRY = int((NOON + 59) * 100)  # of a count, in hundredths of a second


def refused(caller: Caller, limit: str, account: Account, wait: float | None) -> LimitRefused:
    return LimitRefused(caller.levels[0], Denial(limit, wait), account)


def settle(account: Account, lease: Lease, ending: str) -> Account:
    """Return the account after a request's end."""
    tokens, nanos = lease.tokens, lease.nanos
    match ending:
        case "runs":
            return account
        case "fails":
            tokens, nanos = 0, 0
        case "costs less":
            tokens, nanos = tokens // 2, nanos // 2
        case "costs more":
            tokens, nanos = tokens * 2, nanos * 2
    return accounts.settle(account, lease, Charge(tokens, 0, nanos))


@given(LIMITS, REQUESTS, st.floats(0, 1, exclude_max=True))
def test_no_request_that_fits_is_refused_from_memory(limits: Limits, requests: Any, share: float) -> None:
    """While a refusal is remembered, the smallest possible request would be refused too, at any moment and
    whatever requests in flight end with."""
    account, now, in_flight = Account(), NOON, dict[str, Lease]()
    for number, (pause, tokens, nanos, ending) in enumerate(requests):
        now += pause / 1_000
        lease = Lease(now, now + 960.0, tokens=tokens, minute=tokens, nanos=nanos)
        result = accounts.reserve(account, limits, lease)
        if isinstance(result, Account):
            account = settle(result, lease, ending)
            in_flight |= {f"r{number}": lease} if ending == "runs" else {}
            continue
        caller = Caller(key(limits))
        seconds = seconds_without_room(LimitRefused(caller.levels[0], result, account), now)
        assert 0 <= seconds <= MAX_SECONDS
        if seconds:
            at = now + seconds * share
            ended = account
            for open_lease in in_flight.values():
                ended = accounts.settle(ended, open_lease, Charge())
            for state in (account, ended):
                assert isinstance(accounts.reserve(state, limits, replace(SMALLEST, at=at)), Denial)


@pytest.mark.parametrize(
    ("limits", "limit", "account", "wait", "seconds"),
    [
        ({"rpm": 1}, "rpm", Account(requests=1, request_counts={EXPIRY: 1}), 59.0, 5.0),
        ({"rpm": 1}, "rpm", Account(requests=1, request_counts={EXPIRY: 1}), 0.5, 0.5),
        ({"rpm": 0}, "rpm", Account(), None, 5.0),
        ({"tpm": 9}, "tpm", Account(minute=9, token_counts={EXPIRY: 9}), 80.0, 5.0),
        ({"tpm": 9}, "tpm", Account(minute=8, token_counts={EXPIRY: 8}), 80.0, 0.0),
        (
            {"tpm": 9},
            "tpm",
            Account(minute=9, tokens_held=9, token_counts={EXPIRY: 9}),
            80.0,
            0.0,
        ),  # in flight
        (
            {"tpm": 60},
            "tpm",
            Account(minute=60, token_counts={int((NOON + 1.5) * 100): 1, EXPIRY: 59}),
            30.0,
            1.0,
        ),  # one of them expires after 1.5 seconds
        ({"parallel": 1}, "parallel", Account(), 1.0, 0.0),
        ({"tokens": 9}, "tokens", Account(tokens=9, tokens_held=9), None, 5.0),
        ({"tokens": 9}, "tokens", Account(tokens=8, tokens_held=8), None, 0.0),
        ({"tokens": 9}, "tokens", Account(tokens=0, tokens_held=9), None, 0.0),  # in flight
        ({"credits": 9}, "credits", Account(nanos=10, nanos_held=10), None, 5.0),
        ({"credits": 9}, "credits", Account(nanos=9, nanos_held=9), None, 0.0),  # a free model fits
        ({"day": 9}, "day", Account(day="2026-11-22", day_nanos=10, day_held=10), 43_200.0, 5.0),
        ({"day": 9}, "day", Account(day="2026-11-22", day_nanos=10, day_held=10), 2.0, 2.0),
        ({"day": 9}, "day", Account(day="2026-11-21", day_nanos=10, day_held=10), 43_200.0, 0.0),
        ({"month": 9}, "month", Account(day="2026-11-20", month_nanos=10, month_held=10), 9e5, 5.0),
    ],
)
def test_which_refusals_are_remembered(
    limits: dict[str, int], limit: str, account: Account, wait: float | None, seconds: float
) -> None:
    """A refusal is remembered if nothing is left and nothing can come back, at most until it may end."""
    caller = Caller(key(Limits(**limits)))

    assert seconds_without_room(refused(caller, limit, account, wait), NOON) == seconds


def error_after(seconds: float, keys: RefusedKeys, caller: Caller = RPM) -> GatewayError | None:
    return keys.error(caller, lambda: NOON + seconds)


def remember(caller: Caller = RPM, wait: float = 12.3) -> RefusedKeys:
    keys = RefusedKeys()
    account = Account(requests=3, request_counts={EXPIRY: 3})
    keys.remember(caller, refused(caller, "rpm", account, wait), NOON)
    return keys


def test_the_error_has_the_remaining_time() -> None:
    """Its text, its code and its headers are those of the refusal; only the time to wait is shorter."""
    errors = [error_after(seconds, remember()) for seconds in (0.0, 1.0, 4.9)]

    assert [type(error) for error in errors] == [LimitExceeded] * 3
    assert [str(error) for error in errors] == [
        f"Rate limit reached: 3 requests per minute of this key; 0 left. Retry after {wait} s."
        for wait in (13, 12, 8)
    ]
    waits = [error.retry_after for error in errors if error]
    assert [whole_seconds(wait or 0) for wait in waits] == [13, 12, 8]
    assert errors[0] is not None
    assert errors[0].headers["x-ratelimit-remaining-requests"] == "0"


@pytest.mark.parametrize("seconds", [MAX_SECONDS, 60.0, -0.001, -86_400.0])
def test_a_refusal_is_forgotten(seconds: float) -> None:
    """After five seconds, and if the clock is set back, the next request is checked with the store."""
    keys = remember()

    assert error_after(seconds, keys) is None
    assert error_after(1.0, keys) is None


@pytest.mark.parametrize(
    "caller",
    [
        Caller(key(Limits(rpm=4))),
        Caller(key(Limits(rpm=3)), policy=LimitPolicy(gateway=Limits(rpm=9))),
        Caller(key(Limits(rpm=3), "key_other")),
        Caller(),
    ],
)
def test_other_limits_and_other_keys_are_not_refused(caller: Caller) -> None:
    """A changed limit takes effect as soon as the process has read it, and each key is on its own."""
    assert error_after(1.0, remember(), caller) is None
    assert error_after(1.0, remember(), RPM) is not None


def test_memory_is_bounded() -> None:
    """Only the keys refused last are remembered."""
    keys = RefusedKeys()
    callers = [Caller(key(Limits(rpm=3), f"key_{number}")) for number in range(CAPACITY + 10)]
    for caller in callers:
        account = Account(requests=3, request_counts={EXPIRY: 3})
        keys.remember(caller, refused(caller, "rpm", account, 9.0), NOON)

    assert len(keys._keys) == CAPACITY
    assert error_after(1.0, keys, callers[9]) is None
    assert error_after(1.0, keys, callers[10]) is not None
