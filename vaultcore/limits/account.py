"""An account: the use and the open reservations of a key, an owner or the gateway, and its arithmetic.

Rates use a sliding window counter over fixed windows of 60 seconds. The count of the previous window is
weighted by the share of the current window that has not passed yet:

    requests in the current window + requests in the previous window * seconds left / 60 <= rpm

A burst at a window's edge therefore cannot pass twice. The weight is computed in integer microseconds and
rounded up.

Quotas, credits and budgets are reserved before they are used. `*_held` is settled use plus open reservations.
A reservation that would raise it above a limit is refused. A lease is one reservation. It ends when its
request is settled, or when its time runs out.

Clocks of machines differ. An account never moves back in time: a late request counts in the current window.
Tokens are integers, money is integer nano-dollars, times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from vaultcore.limits.limits import Limits

WINDOW = 60  # seconds
_MICROS = 1_000_000  # microseconds per second
_SPAN = WINDOW * _MICROS  # microseconds of a window


@dataclass(frozen=True, slots=True)
class Lease:
    """The amounts that one admitted request holds of an account."""

    at: float  # admission, seconds since the epoch, by the account's time
    until: float  # seconds since the epoch; the lease ends then if the request was not settled
    tokens: int = 0  # held of the token quota: the maximum the request can use
    minute: int = 0  # tokens counted towards tokens per minute: an estimate of its use
    nanos: int = 0  # nano-dollars held of credits and budgets

    def pack(self) -> list[Any]:
        """Return the fields in their order, as they are stored."""
        return [self.at, self.until, self.tokens, self.minute, self.nanos]

    @property
    def window(self) -> int:
        """Return the number of the window of the admission."""
        return int(self.at // WINDOW)

    @property
    def day(self) -> str:
        return day_of(self.at)

    @property
    def month(self) -> str:
        return day_of(self.at)[:7]


@dataclass(frozen=True, slots=True)
class Charge:
    """The use of a finished request; all zero if it failed."""

    prompt: int = 0  # tokens
    completion: int = 0  # tokens
    nanos: int = 0  # nano-dollars

    @property
    def tokens(self) -> int:
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Denial:
    """The limit that refuses a request."""

    limit: str  # the field of Limits
    retry_after: float | None = None  # seconds until the request may fit; None: waiting does not help


@dataclass(frozen=True, slots=True)
class Account:
    """Counters of one account. The field names are the names in the store."""

    window: int = 0  # number of the current window: minutes since the epoch
    requests: int = 0  # requests admitted in the current window
    requests_before: int = 0  # requests admitted in the previous window
    minute: int = 0  # tokens in the current window
    minute_before: int = 0  # tokens in the previous window
    tokens: int = 0  # settled tokens, lifetime
    tokens_held: int = 0  # settled and reserved tokens, lifetime
    nanos: int = 0  # settled nano-dollars, lifetime
    nanos_held: int = 0  # settled and reserved nano-dollars, lifetime
    day: str = ""  # the day of the next two fields: "2026-11-22"
    day_nanos: int = 0  # settled nano-dollars
    day_held: int = 0  # settled and reserved nano-dollars
    month: str = ""  # the month of the next two fields: "2026-11"
    month_nanos: int = 0  # settled nano-dollars
    month_held: int = 0  # settled and reserved nano-dollars
    settled: int = 0  # settled requests, lifetime
    prompt: int = 0  # settled prompt tokens, lifetime
    completion: int = 0  # settled completion tokens, lifetime
    leases: Mapping[str, Lease] = field(default_factory=lambda: MappingProxyType({}))

    def pack(self) -> dict[str, Any]:
        """Return the account as it is stored."""
        packed = {name: getattr(self, name) for name in _PLAIN}
        return {**packed, "leases": {name: lease.pack() for name, lease in self.leases.items()}}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Account:
        return cls(**{**packed, "leases": {name: Lease(*lease) for name, lease in packed["leases"].items()}})


# Computed once, and leases are stored as lists: every request reads and writes an account.
_PLAIN = tuple(each.name for each in fields(Account) if each.name != "leases")


def day_of(now: float) -> str:
    """Return the calendar day in UTC: `2026-11-22`."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def roll_forward(account: Account, now: float) -> Account:
    """Return the account at `now`: past windows, days and months are reset, expired leases are released."""
    now = account_time(account, now)
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


def account_time(account: Account, now: float) -> float:
    """Return `now`, or the start of the account's current window if that is later."""
    return max(now, float(account.window * WINDOW))


def reserve(
    account: Account, limits: Limits, id: str, lease: Lease, *, enforced: bool = True
) -> Account | Denial:
    """Return the account with the lease added under `id`, or the denial. `lease.at` is the current time.

    Without `enforced` the lease is added even beyond a limit.
    """
    now = account_time(account, lease.at)
    account = roll_forward(account, now)
    if enforced and (denial := find_denial(account, limits, lease, now)):
        return denial
    return replace(
        account,
        requests=account.requests + 1,
        minute=account.minute + lease.minute,
        tokens_held=account.tokens_held + lease.tokens,
        nanos_held=account.nanos_held + lease.nanos,
        day_held=account.day_held + lease.nanos,
        month_held=account.month_held + lease.nanos,
        leases={**account.leases, id: replace(lease, at=now, until=lease.until + now - lease.at)},
    )


def find_denial(account: Account, limits: Limits, lease: Lease, now: float) -> Denial | None:
    """Return the first limit that the lease would exceed, or None. `account` must be rolled to `now`."""
    micros_left = (account.window + 1) * _SPAN - int(now * _MICROS)
    rates = (
        ("rpm", limits.rpm, 1, account.requests, account.requests_before),
        ("tpm", limits.tpm, lease.minute, account.minute, account.minute_before),
    )
    for name, limit, more, current, before in rates:
        if limit is not None and current + more > limit - _weigh(before, micros_left):
            return Denial(name, _seconds_to_wait(limit, more, current, before, micros_left))
    if limits.parallel is not None and len(account.leases) >= limits.parallel:
        return Denial("parallel", 1.0)
    lasting = (
        ("tokens", limits.tokens, account.tokens_held, lease.tokens, None),
        ("credits", limits.credits, account.nanos_held, lease.nanos, None),
        ("day", limits.day, account.day_held, lease.nanos, account.day),
        ("month", limits.month, account.month_held, lease.nanos, account.month),
    )
    for name, limit, total, more, period in lasting:
        if limit is not None and total + more > limit:
            return Denial(name, _until_next(period, now) if period and more <= limit else None)
    return None


def release(account: Account, id: str) -> Account:
    """Return the account without a lease and without the amounts it held."""
    lease = account.leases[id]
    return replace(
        account,
        tokens_held=account.tokens_held - lease.tokens,
        nanos_held=account.nanos_held - lease.nanos,
        day_held=account.day_held - (lease.nanos if lease.day == account.day else 0),
        month_held=account.month_held - (lease.nanos if lease.month == account.month else 0),
        leases={other: open_lease for other, open_lease in account.leases.items() if other != id},
    )


def settle(account: Account, id: str, lease: Lease, charge: Charge) -> Account:
    """Return the account with the lease `id` replaced by the charge.

    A request counts in the minute, day and month of its admission. If its lease has already expired,
    it holds nothing and is still charged; `lease` then gives the time of admission.
    """
    if id in account.leases:
        lease = account.leases[id]
        account = release(account, id)
    today = charge.nanos if lease.day == account.day else 0
    this_month = charge.nanos if lease.month == account.month else 0
    corrected = charge.tokens - lease.minute
    return replace(
        account,
        minute=max(0, account.minute + (corrected if lease.window == account.window else 0)),
        minute_before=max(
            0, account.minute_before + (corrected if lease.window == account.window - 1 else 0)
        ),
        tokens=account.tokens + charge.tokens,
        tokens_held=account.tokens_held + charge.tokens,
        nanos=account.nanos + charge.nanos,
        nanos_held=account.nanos_held + charge.nanos,
        day_nanos=account.day_nanos + today,
        day_held=account.day_held + today,
        month_nanos=account.month_nanos + this_month,
        month_held=account.month_held + this_month,
        settled=account.settled + 1,
        prompt=account.prompt + charge.prompt,
        completion=account.completion + charge.completion,
    )


def remaining(account: Account, limits: Limits, now: float) -> dict[str, tuple[int, int, float]]:
    """Return (limit, remaining, seconds until fully reset) of `rpm` and `tpm`, as far as they are limited."""
    now = account_time(account, now)
    account = roll_forward(account, now)
    micros_left = (account.window + 1) * _SPAN - int(now * _MICROS)
    rates = {
        "rpm": (limits.rpm, account.requests, account.requests_before),
        "tpm": (limits.tpm, account.minute, account.minute_before),
    }
    return {
        name: (
            limit,
            max(0, limit - _weigh(before, micros_left) - current),
            _seconds_to_reset(current, before, micros_left),
        )
        for name, (limit, current, before) in rates.items()
        if limit is not None
    }


def window_allowance(limit: int, before: int, now: float) -> int:
    """Return how much the current window may count of a rate, if the previous one counted `before`."""
    return limit - _weigh(before, _micros_left(now))


def max_previous_count(weighted: int, now: float) -> int:
    """Return the highest count of the previous window that weighs at most `weighted` at `now`."""
    return weighted * _SPAN // _micros_left(now)


def _micros_left(now: float) -> int:
    """Return the microseconds until the current window ends."""
    return (int(now // WINDOW) + 1) * _SPAN - int(now * _MICROS)


def _weigh(before: int, micros_left: int) -> int:
    """Return the part of the previous window's count that still applies, rounded up."""
    return -(-before * micros_left // _SPAN)


def _seconds_to_wait(limit: int, more: int, current: int, before: int, micros_left: int) -> float | None:
    """Return the seconds until `more` fits, or None if it exceeds the limit itself.

    If the current window alone has capacity, the weight of the previous one must fall first;
    otherwise the request fits in the next window.
    """
    capacity = limit - more - current
    if limit < more:
        return None
    if capacity >= 0:
        return _round_up(micros_left - capacity * _SPAN // before)
    return _round_up(micros_left + _SPAN - (limit - more) * _SPAN // current)


def _seconds_to_reset(current: int, before: int, micros_left: int) -> float:
    if current:
        return _round_up(micros_left + _SPAN)
    return _round_up(micros_left) if before else 0.0


def _round_up(micros: int) -> float:
    """Return seconds, one microsecond more: adding them to a float time may round down."""
    return (micros + 1) / _MICROS


def _until_next(period: str, now: float) -> float:
    """Return the seconds until a day ("2026-11-22") or a month ("2026-11") ends."""
    year, month, *day = map(int, period.split("-"))
    if day:
        return datetime(year, month, day[0], tzinfo=UTC).timestamp() + 86_400 - now
    year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return datetime(year, month, 1, tzinfo=UTC).timestamp() - now
