"""An account: what a key, an owner or the gateway has used and holds, and the arithmetic of its limits.

Rates are counted in two windows of a minute: what the last one held weighs less and less while the present
one fills, so that no burst passes twice at an edge. Quotas and money are reserved before they are used:
`*_held` is what was used and what is reserved together, and no reservation takes it beyond a limit. A lease
is one reservation; it ends when its request is settled or, if that never happens, when its time is up.

Clocks of different machines differ. An account never goes back: who comes late counts in its present window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from vaultcore.limits.limits import Limits

WINDOW = 60  # seconds
_MICROS = 1_000_000
_SPAN = WINDOW * _MICROS


@dataclass(frozen=True, slots=True)
class Lease:
    """What an admitted request holds of an account."""

    at: float  # admitted, seconds since 1970, by the account's time
    until: float  # given back then, whatever became of the request
    tokens: int = 0  # of the quota: the most that it may use
    minute: int = 0  # of tokens per minute: what it will use, roughly
    nanos: int = 0

    def pack(self) -> list[Any]:
        """The fields in their order."""
        return [self.at, self.until, self.tokens, self.minute, self.nanos]

    @property
    def window(self) -> int:
        return int(self.at // WINDOW)

    @property
    def day(self) -> str:
        return day_of(self.at)

    @property
    def month(self) -> str:
        return day_of(self.at)[:7]


@dataclass(frozen=True, slots=True)
class Spent:
    """What a request used in the end. Nothing, where it failed."""

    prompt: int = 0  # tokens
    completion: int = 0
    nanos: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Denial:
    """The limit in the way, and the seconds after which it may not be; None where waiting is no use."""

    limit: str  # the field of Limits
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Account:
    window: int = 0  # minutes since 1970
    requests: int = 0  # admitted in this window, and in the one before
    requests_before: int = 0
    minute: int = 0  # tokens, likewise
    minute_before: int = 0
    tokens: int = 0  # used for ever
    tokens_held: int = 0
    nanos: int = 0
    nanos_held: int = 0
    day: str = ""  # "2026-11-22": the day that the next two are of
    day_nanos: int = 0
    day_held: int = 0
    month: str = ""  # "2026-11"
    month_nanos: int = 0
    month_held: int = 0
    settled: int = 0  # requests
    prompt: int = 0  # tokens
    completion: int = 0
    leases: Mapping[str, Lease] = field(default_factory=lambda: MappingProxyType({}))

    def pack(self) -> dict[str, Any]:
        packed = {name: getattr(self, name) for name in _PLAIN}
        return {**packed, "leases": {name: lease.pack() for name, lease in self.leases.items()}}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Account:
        return cls(**{**packed, "leases": {name: Lease(*lease) for name, lease in packed["leases"].items()}})


# Listed once, and leases are lists: an account is read and written with every request.
_PLAIN = tuple(each.name for each in fields(Account) if each.name != "leases")


def day_of(now: float) -> str:
    """The calendar day in UTC: `2026-11-22`."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def rolled(account: Account, now: float) -> Account:
    """The account as of now: windows and periods that are over begin anew, leases that are over end."""
    now = present(account, now)
    window, day = int(now // WINDOW), day_of(now)
    if window != account.window:
        follows = window == account.window + 1
        account = replace(
            account,
            window=window,
            requests=0,
            minute=0,
            requests_before=account.requests if follows else 0,
            minute_before=account.minute if follows else 0,
        )
    if day != account.day:
        account = replace(account, day=day, day_nanos=0, day_held=0)
    if day[:7] != account.month:
        account = replace(account, month=day[:7], month_nanos=0, month_held=0)
    for name, lease in account.leases.items():
        if lease.until <= now:
            account = release(account, name)
    return account


def present(account: Account, now: float) -> float:
    """The time at an account: never before its present window."""
    return max(now, float(account.window * WINDOW))


def reserve(
    account: Account, limits: Limits, id: str, asked: Lease, *, enforced: bool = True
) -> Account | Denial:
    """The account with one more request in it, or what stands in its way. `asked.at` is now."""
    now = present(account, asked.at)
    account = rolled(account, now)
    if enforced and (denial := denied(account, limits, asked, now)):
        return denial
    return replace(
        account,
        requests=account.requests + 1,
        minute=account.minute + asked.minute,
        tokens_held=account.tokens_held + asked.tokens,
        nanos_held=account.nanos_held + asked.nanos,
        day_held=account.day_held + asked.nanos,
        month_held=account.month_held + asked.nanos,
        leases={**account.leases, id: replace(asked, at=now, until=asked.until + now - asked.at)},
    )


def denied(account: Account, limits: Limits, asked: Lease, now: float) -> Denial | None:
    """The first limit that a request would go beyond. The account is as of now."""
    left = (account.window + 1) * _SPAN - int(now * _MICROS)
    rates = (
        ("rpm", limits.rpm, 1, account.requests, account.requests_before),
        ("tpm", limits.tpm, asked.minute, account.minute, account.minute_before),
    )
    for name, limit, more, current, before in rates:
        if limit is not None and current + more > limit - _weighed(before, left):
            return Denial(name, _wait(limit, more, current, before, left))
    if limits.parallel is not None and len(account.leases) >= limits.parallel:
        return Denial("parallel", 1.0)
    lasting = (
        ("tokens", limits.tokens, account.tokens_held, asked.tokens, None),
        ("credits", limits.credits, account.nanos_held, asked.nanos, None),
        ("day", limits.day, account.day_held, asked.nanos, account.day),
        ("month", limits.month, account.month_held, asked.nanos, account.month),
    )
    for name, limit, held, more, period in lasting:
        if limit is not None and held + more > limit:
            return Denial(name, _until_next(period, now) if period and more <= limit else None)
    return None


def release(account: Account, id: str) -> Account:
    """The account without a lease, and with what that held."""
    lease = account.leases[id]
    return replace(
        account,
        tokens_held=account.tokens_held - lease.tokens,
        nanos_held=account.nanos_held - lease.nanos,
        day_held=account.day_held - (lease.nanos if lease.day == account.day else 0),
        month_held=account.month_held - (lease.nanos if lease.month == account.month else 0),
        leases={other: held for other, held in account.leases.items() if other != id},
    )


def settle(account: Account, id: str, lease: Lease, spent: Spent) -> Account:
    """The account after a request: what it used in place of what it held.

    A request counts in the minute, day and month in which it was admitted. One whose lease has run out
    holds nothing any more, and is charged all the same.
    """
    if id in account.leases:
        lease = account.leases[id]
        account = release(account, id)
    today = spent.nanos if lease.day == account.day else 0
    this_month = spent.nanos if lease.month == account.month else 0
    corrected = spent.tokens - lease.minute
    return replace(
        account,
        minute=max(0, account.minute + (corrected if lease.window == account.window else 0)),
        minute_before=max(
            0, account.minute_before + (corrected if lease.window == account.window - 1 else 0)
        ),
        tokens=account.tokens + spent.tokens,
        tokens_held=account.tokens_held + spent.tokens,
        nanos=account.nanos + spent.nanos,
        nanos_held=account.nanos_held + spent.nanos,
        day_nanos=account.day_nanos + today,
        day_held=account.day_held + today,
        month_nanos=account.month_nanos + this_month,
        month_held=account.month_held + this_month,
        settled=account.settled + 1,
        prompt=account.prompt + spent.prompt,
        completion=account.completion + spent.completion,
    )


def remaining(account: Account, limits: Limits, now: float) -> dict[str, tuple[int, int, float]]:
    """Of `rpm` and `tpm` where limited: the limit, what is left now, and seconds until all of it is back."""
    now = present(account, now)
    account = rolled(account, now)
    left = (account.window + 1) * _SPAN - int(now * _MICROS)
    rates = {
        "rpm": (limits.rpm, account.requests, account.requests_before),
        "tpm": (limits.tpm, account.minute, account.minute_before),
    }
    return {
        name: (limit, max(0, limit - _weighed(before, left) - current), _reset(current, before, left))
        for name, (limit, current, before) in rates.items()
        if limit is not None
    }


def room(limit: int, before: int, now: float) -> int:
    """What this window may hold of a rate now, where the last one held so much."""
    return limit - _weighed(before, _left(now))


def room_before(room: int, now: float) -> int:
    """The most that the last window may have held, to weigh no more than that now."""
    return room * _SPAN // _left(now)


def _left(now: float) -> int:
    """Microseconds until the window is over."""
    return (int(now // WINDOW) + 1) * _SPAN - int(now * _MICROS)


def _weighed(before: int, left: int) -> int:
    """What of the last window still counts, rounded up; `left` of the present one is in microseconds."""
    return -(-before * left // _SPAN)


def _wait(limit: int, more: int, current: int, before: int, left: int) -> float | None:
    """Seconds until there is room: in this window where the last one stands in the way, else in the next."""
    room = limit - more - current
    if limit < more:
        return None
    if room >= 0:
        return _seconds(left - room * _SPAN // before)
    return _seconds(left + _SPAN - (limit - more) * _SPAN // current)


def _reset(current: int, before: int, left: int) -> float:
    if current:
        return _seconds(left + _SPAN)
    return _seconds(left) if before else 0.0


def _seconds(micros: int) -> float:
    """Never too few: one more, for a time that they are added to is rounded."""
    return (micros + 1) / _MICROS


def _until_next(period: str, now: float) -> float:
    """Seconds until a day or a month is over."""
    year, month, *day = map(int, period.split("-"))
    if day:
        return datetime(year, month, day[0], tzinfo=UTC).timestamp() + 86_400 - now
    year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return datetime(year, month, 1, tzinfo=UTC).timestamp() - now
