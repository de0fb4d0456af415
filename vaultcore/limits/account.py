"""An account: the use and the open reservations of a key, an owner or the gateway, and its arithmetic.

Rates count requests and tokens of the last 60 seconds (`rate_window`). Quotas, credits and budgets are
reserved before they are used: `*_held` is settled use plus open reservations. A reservation that would raise
it above a limit is refused. A reservation ends when its request is settled, or when the bucket of its lease
ends (`lease_bucket`). An account has constant size, whatever is in flight.

Sums may include counts and buckets that have expired: `roll_forward` removes these before a refusal.

All times are the store's: seconds since the epoch. Tokens are integers, money is integer nano-dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits import rate_window
from vaultcore.limits.bounds import BOUNDS, Bound
from vaultcore.limits.lease_bucket import Bucket, BucketKey, Buckets, bucket_end
from vaultcore.limits.limits import Limits
from vaultcore.limits.rate_window import Counts

PARALLEL_PAUSE = 1.0  # seconds until a request may end and another fit
_EMPTY: Mapping[Any, Any] = MappingProxyType({})
_NO_BUCKET = Bucket()


@dataclass(frozen=True, slots=True)
class Lease:
    """The amounts that one admitted request holds of an account."""

    at: float  # admission, seconds since the epoch, by the store's time
    until: float  # seconds since the epoch; the lease ends soon after if the request was not settled
    tokens: int = 0  # reserved of the token quota: the most that the request can use
    minute: int = 0  # tokens counted towards tokens per minute: an estimate of its use
    nanos: int = 0  # nano-dollars reserved of credits and budgets
    date: str = ""  # the day in which it counts, "2026-11-22"; empty: the day of `at`
    shards: tuple[int, ...] = ()  # at each level, the part of a divided account with it; (): the first

    @property
    def day(self) -> str:
        return self.date or day_of(self.at)

    @property
    def bucket(self) -> BucketKey:
        return _bucket_key(self.at, self.until, self.date or day_of(self.at))


@lru_cache(maxsize=1024)  # each level needs it to reserve and to settle
def _bucket_key(at: float, until: float, day: str) -> BucketKey:
    return BucketKey(bucket_end(at, until), day)


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


@dataclass(slots=True)
class Account:
    """Counters of one account. The field names are the columns of SQLite.

    The functions of this module change copies only. The class is not frozen, because creating a frozen one
    of 19 fields takes three times as long, and every request creates several.
    """

    rolled: float = 0.0  # time up to which expired counts and buckets have been removed
    requests: int = 0  # sum of `request_counts`
    minute: int = 0  # tokens: sum of `token_counts`
    in_flight: int = 0  # open reservations
    tokens: int = 0  # settled tokens, lifetime
    tokens_held: int = 0  # settled and reserved tokens, lifetime
    nanos: int = 0  # settled nano-dollars, lifetime
    nanos_held: int = 0  # settled and reserved nano-dollars, lifetime
    day: str = ""  # the day of the next two fields: "2026-11-22"
    day_nanos: int = 0  # settled nano-dollars
    day_held: int = 0  # settled and reserved nano-dollars
    month_nanos: int = 0  # settled nano-dollars of the month of `day`
    month_held: int = 0  # settled and reserved nano-dollars of that month
    settled: int = 0  # settled requests, lifetime
    prompt: int = 0  # settled prompt tokens, lifetime
    completion: int = 0  # settled completion tokens, lifetime
    request_counts: Counts = field(default_factory=lambda: _EMPTY)
    token_counts: Counts = field(default_factory=lambda: _EMPTY)
    buckets: Buckets = field(default_factory=lambda: _EMPTY)

    @property
    def month(self) -> str:
        """Return the month of `month_nanos`: "2026-11"."""
        return self.day[:7]


@lru_cache(maxsize=64)
def _day_of(number: int) -> str:
    return datetime.fromtimestamp(number * 86_400, UTC).date().isoformat()


def day_of(now: float) -> str:
    """Return the calendar day in UTC: `2026-11-22`."""
    return _day_of(int(now // 86_400))


def roll_forward(account: Account, now: float, day: str = "") -> Account:
    """Return the account at `now`: past days and months are reset, expired counts and buckets are removed.

    `day` is the current day, if it is not that of `now`.
    """
    account = begin_day(account, day or day_of(now))
    for key in account.buckets:
        if key.end <= now:
            account = release_ended(account, now)
            break
    if not (account.request_counts or account.token_counts):
        return account
    requests = rate_window.drop_expired(account.request_counts, now)
    tokens = rate_window.drop_expired(account.token_counts, now)
    if requests is account.request_counts and tokens is account.token_counts:
        return account
    rolled = copy(account)
    rolled.rolled = now
    rolled.request_counts, rolled.requests = requests, sum(requests.values())
    rolled.token_counts, rolled.minute = tokens, sum(tokens.values())
    return rolled


def align(lease: Lease, account: Account) -> Lease:
    """Return the lease at the account's time and day if these are a little later.

    Clocks differ, but an account does not go back. An account that is far ahead was written by a wrong clock.
    """
    date = lease.date or day_of(lease.at)
    at = account.rolled if lease.at < account.rolled <= lease.at + rate_window.CLOCK_TOLERANCE else lease.at
    day = account.day if account.day == _next_day(date) else date
    if at == lease.at and day == date:
        return lease
    return replace(lease, at=at, until=lease.until + at - lease.at, date=day)


def reserve(account: Account, limits: Limits, lease: Lease) -> Account | Denial:
    """Return the account with the lease added, or the denial.

    `lease` must be aligned with the account. Counts are only recorded for rates that are limited.
    """
    account = roll_forward(account, lease.at, lease.day)
    if denial := find_denial(account, limits, lease):
        return denial
    after = copy(account)
    _hold(after, lease, 1)
    _count(after, limits, lease)
    return after


def find_denial(account: Account, limits: Limits, lease: Lease) -> Denial | None:
    """Return the first limit that the lease would exceed, or None. `account` must be rolled to `lease.at`."""
    for name, limit, bound in limits.bounds:
        need = getattr(lease, bound.need) if bound.need else 1
        if getattr(account, bound.reserved) + need > limit:
            return Denial(name, _retry_after(bound, account, limit - need, lease.at))
    return None


def needed(bound: Bound, lease: Lease) -> int:
    """Return what a lease adds to the field that a limit bounds."""
    need: int = getattr(lease, bound.need) if bound.need else 1
    return need


def reserved(account: Account, limit: str) -> int:
    """Return what is used and reserved of a limit, a field of Limits."""
    amount: int = getattr(account, BOUNDS[limit].reserved)
    return amount


def release_ended(account: Account, now: float, most: int | None = None) -> Account:
    """Return the account without its ended buckets, or without `most` of them. Rates and periods stay."""
    for key in [key for key in account.buckets if key.end <= now][:most]:
        account = release_bucket(account, key, account.buckets[key])
    return account


def release_bucket(account: Account, key: BucketKey, bucket: Bucket) -> Account:
    """Return the account without a bucket and without the amounts of its reservations."""
    after = copy(account)
    _change_sums(after, key.day, (-bucket.requests, -bucket.tokens, -bucket.nanos))
    after.buckets = {other: each for other, each in account.buckets.items() if other != key}
    return after


def settle(account: Account, lease: Lease, charge: Charge) -> Account:
    """Return the account with the reservation of `lease` replaced by the charge.

    A request counts in the minute, day and month of its admission. If the bucket of its lease has been
    released, it holds nothing and is still charged.
    """
    after, day = copy(account), lease.date or day_of(lease.at)
    bucket = account.buckets.get(lease.bucket) if account.buckets else None
    if bucket is not None and bucket.covers(lease.tokens, lease.nanos):
        _hold(after, lease, -1)
    if account.token_counts and (expiry := rate_window.expiry(lease.at)) in account.token_counts:
        after.token_counts = rate_window.add(account.token_counts, expiry, charge.tokens - lease.minute)
        after.minute += after.token_counts.get(expiry, 0) - account.token_counts[expiry]
    after.tokens += charge.tokens
    after.tokens_held += charge.tokens
    after.nanos += charge.nanos
    after.nanos_held += charge.nanos
    if day == account.day:
        after.day_nanos += charge.nanos
        after.day_held += charge.nanos
    if day[:7] == account.day[:7]:
        after.month_nanos += charge.nanos
        after.month_held += charge.nanos
    after.settled += 1
    after.prompt += charge.prompt
    after.completion += charge.completion
    return after


def remaining(account: Account, limits: Limits, now: float) -> dict[str, tuple[int, int, float]]:
    """Return (limit, remaining, seconds until fully reset) of `rpm` and `tpm`, as far as they are limited."""
    limited = (("rpm", limits.rpm, account.request_counts), ("tpm", limits.tpm, account.token_counts))
    rates = {}
    for name, limit, every in limited:
        if limit is not None:
            counts = rate_window.drop_expired(every, now)
            unused = max(0, limit - sum(counts.values()))
            rates[name] = limit, unused, rate_window.seconds_to_reset(counts, now)
    return rates


def begin_day(account: Account, day: str) -> Account:
    """Return the account on `day`.

    An account on a later day was written by a wrong clock: its use was really today's, or of the day before.
    """
    if day == account.day or account.day == _next_day(day):
        return account
    after = copy(account)
    after.day = day
    if day > account.day:
        after.day_nanos = after.day_held = 0
        if day[:7] != account.month:
            after.month_nanos = after.month_held = 0
    return after


@lru_cache(maxsize=64)
def _next_day(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(1)).isoformat()


def copy(account: Account) -> Account:
    """Return a new account with the same fields; `dataclasses.replace` takes five times as long."""
    return Account(
        account.rolled,
        account.requests,
        account.minute,
        account.in_flight,
        account.tokens,
        account.tokens_held,
        account.nanos,
        account.nanos_held,
        account.day,
        account.day_nanos,
        account.day_held,
        account.month_nanos,
        account.month_held,
        account.settled,
        account.prompt,
        account.completion,
        account.request_counts,
        account.token_counts,
        account.buckets,
    )


def _hold(account: Account, lease: Lease, sign: Literal[1, -1]) -> None:
    """Add what a lease holds to its bucket and to the sums, or subtract it."""
    key, tokens, nanos = lease.bucket, sign * lease.tokens, sign * lease.nanos
    before = account.buckets.get(key, _NO_BUCKET)
    bucket = Bucket(before.requests + sign, before.tokens + tokens, before.nanos + nanos)
    buckets = {**account.buckets, key: bucket}
    if not bucket.requests:
        del buckets[key]
    account.buckets = buckets
    _change_sums(account, key.day, (sign, tokens, nanos))


def _change_sums(account: Account, day: str, amounts: tuple[int, int, int]) -> None:
    """Add reservations of a day to the sums: their number, tokens and nano-dollars."""
    requests, tokens, nanos = amounts
    account.in_flight += requests
    account.tokens_held += tokens
    account.nanos_held += nanos
    if day == account.day:
        account.day_held += nanos
    if day[:7] == account.day[:7]:
        account.month_held += nanos


def _count(account: Account, limits: Limits, lease: Lease) -> None:
    """Count a request in the rates that are limited."""
    if limits.rpm is not None:
        expiry = rate_window.expiry(lease.at, limits.rpm)
        account.request_counts = rate_window.add(account.request_counts, expiry, 1)
        account.requests += 1
    if limits.tpm is not None:
        expiry = rate_window.expiry(lease.at)
        account.token_counts = rate_window.add(account.token_counts, expiry, lease.minute)
        account.minute += lease.minute


def _retry_after(bound: Bound, account: Account, capacity: int, now: float) -> float | None:
    """Return the seconds until at most `capacity` of a limit is used; None if waiting does not help."""
    if bound.counts:
        return rate_window.seconds_until(getattr(account, bound.counts), capacity, now)
    if bound.period:
        return _until_next(getattr(account, bound.period), now) if capacity >= 0 else None
    return None if bound.settled else PARALLEL_PAUSE


def _until_next(period: str, now: float) -> float:
    """Return the seconds until a day ("2026-11-22") or a month ("2026-11") ends."""
    year, month, *day = map(int, period.split("-"))
    if day:
        return datetime(year, month, day[0], tzinfo=UTC).timestamp() + 86_400 - now
    year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return datetime(year, month, 1, tzinfo=UTC).timestamp() - now
