"""Updates of an account's item, calculated from the item as it was last seen.

An update changes sums by adding to them, and its conditions are those of the limits themselves. It stays
valid while others change the same item, unless it removes what has expired, begins a day, or refuses.
"""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.aws.dynamodb import WriteAction
from vaultcore.limits import rate_window
from vaultcore.limits.account import (
    Account,
    Charge,
    Lease,
    begin_day,
    copy,
    find_denial,
    needed,
    release_ended,
    roll_forward,
)
from vaultcore.limits.bounds import BOUNDS
from vaultcore.limits.lease_bucket import Bucket, BucketKey
from vaultcore.limits.limits import Limits
from vaultcore.store.dynamodb.account_item import (
    METER,
    NUMBERS,
    AccountItem,
    account_key,
    bucket_entries,
    count_key,
    milliseconds,
    render_amounts,
)
from vaultcore.store.dynamodb.operation_marks import add_mark
from vaultcore.store.dynamodb.shard_allocation import Slices
from vaultcore.store.dynamodb.update_expression import UpdateExpression

MAX_EXPIRED = 8  # expired counts that an update may leave in the item
MAX_REMOVED = 100  # entries that an update removes: DynamoDB allows 300 operators in an expression
BUCKET_ENTRIES = 6  # what the removal of a bucket costs, compared with a count
MAX_BUCKETS = MAX_REMOVED // BUCKET_ENTRIES  # that an update releases
MAX_AGE = 3_600.0  # seconds since the last admission, after which it leaves none
PERIODS = ("day_nanos", "day_held", "month_nanos", "month_held")


class AccountUpdate:
    """One update of one account's item."""

    def __init__(self, name: str, item: AccountItem, mark: str, *, is_copied: bool = False) -> None:
        self._item, self._account = item, item.account
        self._update = UpdateExpression(account_key(name))
        self._deltas: dict[str, int] = {}
        self._resets: dict[str, int] = {}  # fields that the update sets, before it adds to them
        self._entries: dict[tuple[str, str], int] = {}  # by map and key: what the update adds
        self._removed: set[tuple[str, str]] = set()  # map and key of what it removes
        self._day = item.account.day  # after the update
        if mark:
            add_mark(self._update, item, mark, is_copied=is_copied)

    def reserve(self, limits: Limits, lease: Lease) -> WriteAction:
        """Return the update that adds a lease, which the limits admit as far as this item shows."""
        account = self._begin(lease)
        rolled = roll_forward(account, lease.at, lease.day)
        is_ahead = account.rolled > lease.at  # by a wrong clock: the lease is aligned with correct ones
        if is_ahead or find_denial(account, limits, lease) or self._is_stale(account, lease.at):
            self._remove_expired(account, rolled)
            self._update.set("r", milliseconds(lease.at))
            account = rolled
        self._require_limits(account, limits, lease)
        self._hold(lease, 1)
        if limits.rpm is not None:
            self._count("w", "requests", rate_window.expiry(lease.at, limits.rpm), 1)
        if limits.tpm is not None:
            self._count("x", "minute", rate_window.expiry(lease.at), lease.minute)
        self._meter(lease.at)
        self._require_slices(limits.pack())
        self._update.set("l", milliseconds(lease.at))
        latest = self._account.rolled if is_ahead else lease.at
        self._update.require("r", "=" if is_ahead else "<=", milliseconds(latest))
        return self._action()

    def allocate(self, slices: Slices, totals: Slices, shards: int, today: str) -> WriteAction:
        """Return the update that sets the slices, as long as the item has no others and uses no more.

        `today` is the day of the slices. The use of an earlier day or month does not count.
        """
        update = self._update
        self._require_day()
        self._require_slices()
        is_over = {"day": self._account.day < today, "month": self._account.month < today[:7]}
        for limit, amount in slices.items():
            if not is_over.get(limit):
                update.require(NUMBERS[BOUNDS[limit].reserved], "<=", amount)
        update.set("s", render_amounts(slices))
        update.set("z", render_amounts(totals))
        update.set("n", shards)
        return self._action()

    def remove_expired(self, now: float) -> WriteAction | None:
        """Return the update that removes expired counts and buckets; None if there are none.

        The item stays in its day.
        """
        if not self._account.day:
            return None
        rolled = roll_forward(self._account, now, self._account.day)
        if rolled is self._account:
            return None
        self._require_day()
        self._remove_expired(self._account, rolled)
        self._update.set("r", milliseconds(max(now, self._account.rolled)))
        return self._action()

    def give_back(self, limits: Limits, lease: Lease) -> WriteAction:
        """Return the update that undoes a reservation, because another level has refused it."""
        self._require_day()
        if self._has_bucket(lease):
            self._hold(lease, -1)
        if limits.rpm is not None:
            self._correct("w", "requests", rate_window.expiry(lease.at, limits.rpm), -1)
        if limits.tpm is not None:
            self._correct("x", "minute", rate_window.expiry(lease.at), -lease.minute)
        return self._action()

    def settle(self, lease: Lease, charge: Charge) -> WriteAction:
        """Return the update that replaces a lease by its charge, as `limits.account.settle` does."""
        self._require_day()
        if self._has_bucket(lease):
            self._hold(lease, -1)
        self._correct("x", "minute", rate_window.expiry(lease.at), charge.tokens - lease.minute)
        fields = ["nanos", "nanos_held"]
        fields += ["day_nanos", "day_held"] if lease.day == self._account.day else []
        fields += ["month_nanos", "month_held"] if lease.day[:7] == self._account.month else []
        self._add(**dict.fromkeys(fields, charge.nanos))
        self._add(tokens=charge.tokens, tokens_held=charge.tokens)
        self._add(settled=1, prompt=charge.prompt, completion=charge.completion)
        return self._action()

    def release(self, now: float) -> tuple[WriteAction, int] | None:
        """Return the update that releases expired buckets, and their requests; None if there are none."""
        if not any(key.end <= now for key in self._account.buckets):
            return None
        after = release_ended(self._account, now, MAX_BUCKETS)
        self._require_day()
        self._remove_expired(self._account, after)
        return self._action(), self._account.in_flight - after.in_flight

    def remove_excess(self, now: float) -> WriteAction | None:
        """Return the update that removes a part of what has expired; None if one update can remove all."""
        after = release_ended(self._account, now, MAX_BUCKETS)
        most = MAX_REMOVED - BUCKET_ENTRIES * (len(self._account.buckets) - len(after.buckets))
        for counts, total in (("request_counts", "requests"), ("token_counts", "minute")):
            before = getattr(after, counts)
            removed = sorted(before.keys() - rate_window.drop_expired(before, now).keys())
            if len(removed) > most:
                after = copy(after)
                setattr(after, total, getattr(after, total) - sum(before[key] for key in removed[:most]))
                setattr(after, counts, {key: before[key] for key in before if key not in removed[:most]})
                break
            most -= len(removed)
        else:
            if all(key.end > now for key in after.buckets):
                return None
        self._require_day()
        self._remove_expired(self._account, after)
        return self._action()

    def add_usage(self, **amounts: int) -> WriteAction:
        """Return the update that adds amounts to fields."""
        self._require_day()
        self._add(**amounts)
        return self._action()

    def _begin(self, lease: Lease) -> Account:
        """Return the account in the lease's day. The update begins the day if the item is in another."""
        self._require_day()
        if lease.day == self._day:
            return self._account
        begun = begin_day(self._account, lease.day)
        self._update.set("d", begun.day)
        self._day = begun.day
        if begun.day > self._account.day:
            self._resets = dict.fromkeys(PERIODS if begun.month != self._account.month else PERIODS[:2], 0)
        return begun

    def _meter(self, now: float) -> None:
        """Count the admissions of each period of METER seconds, roughly: they show if the account is busy."""
        period = int(now // METER)
        if self._item.period == period:
            self._update.increase("h", 1)
        else:
            self._update.set("i", period)
            self._update.set("h", 1)

    def _require_slices(self, names: Iterable[str] | None = None) -> None:
        """Require that the item is still divided as it was last seen: these slices, or all."""
        item = self._item
        if item.shards == 1:
            self._update.require_that("attribute_not_exists(n)")
            return
        for name in item.slices if names is None else names:
            path = self._update.map_entry("s", name)
            self._update.require_that(f"{path} = {self._update.value(item.slices[name])}")

    def _require_day(self) -> None:
        self._update.require("d", "=", self._account.day)

    def _is_stale(self, account: Account, now: float) -> bool:
        """Return True if the item has buckets that ended or many expired counts."""
        if any(key.end <= now for key in account.buckets):
            return True
        counts = (account.request_counts, account.token_counts)
        expired = sum(len(rate_window.expired(each, now)) for each in counts)
        is_old = now - self._item.last / 1_000 > MAX_AGE
        return expired > MAX_EXPIRED or (expired > 0 and is_old)

    def _remove_expired(self, before: Account, after: Account) -> None:
        """Remove counts and buckets that `after` does not have. Each must be as it was last seen."""
        update = self._update
        maps = (
            ("w", before.request_counts, after.request_counts),
            ("x", before.token_counts, after.token_counts),
        )
        for attribute, old, new in maps:
            for expiry, count in old.items():
                if expiry not in new:
                    path = update.map_entry(attribute, count_key(expiry))
                    update.require_that(f"{path} = {update.value(count)}")
                    self._removed.add((attribute, count_key(expiry)))
        for key in before.buckets.keys() - after.buckets.keys():
            self._require_bucket(key, before.buckets[key])
            self._removed.update(("u", entry) for entry in bucket_entries(key, Bucket()))
        for name in NUMBERS:
            self._add(**{name: getattr(after, name) - getattr(before, name)})

    def _require_limits(self, account: Account, limits: Limits, lease: Lease) -> None:
        """Require that every limit admits the lease, whatever others have added in the meantime.

        An item's sum may be higher than the one in `account` by what this update removes.
        """
        for limit, most in limits.pack().items():
            bound = BOUNDS[limit]
            name = bound.reserved
            if name not in self._resets:  # the day's condition implies a reset sum
                removed = getattr(self._account, name) - getattr(account, name)
                self._update.require(NUMBERS[name], "<=", most - needed(bound, lease) + removed)

    def _has_bucket(self, lease: Lease) -> bool:
        """Return True if the item's bucket contains the lease, and require that this is still so."""
        key = lease.bucket
        bucket = self._account.buckets.get(key)
        if bucket is None:
            path = self._update.map_entry("u", next(iter(bucket_entries(key, Bucket()))))
            self._update.require_that(f"attribute_not_exists({path})")
            return False
        if not bucket.covers(lease.tokens, lease.nanos):
            self._require_bucket(key, bucket)
            return False
        for entry, amount in bucket_entries(key, Bucket(1, lease.tokens, lease.nanos)).items():
            if amount:
                path = self._update.map_entry("u", entry)
                self._update.require_that(f"{path} >= {self._update.value(amount)}")
        return True

    def _require_bucket(self, key: BucketKey, bucket: Bucket) -> None:
        """Require that a bucket is as it was last seen."""
        for entry, amount in bucket_entries(key, bucket).items():
            path = self._update.map_entry("u", entry)
            absent = f"attribute_not_exists({path}) OR " if amount == 0 else ""
            self._update.require_that(f"({absent}{path} = {self._update.value(amount)})")

    def _hold(self, lease: Lease, sign: int) -> None:
        tokens, nanos = sign * lease.tokens, sign * lease.nanos
        for entry, amount in bucket_entries(lease.bucket, Bucket(sign, tokens, nanos)).items():
            self._add_entry("u", entry, amount)
        self._add(in_flight=sign, tokens_held=tokens, nanos_held=nanos)
        self._add(day_held=nanos if lease.day == self._day else 0)
        self._add(month_held=nanos if lease.day[:7] == self._day[:7] else 0)

    def _count(self, attribute: str, total: str, expiry: int, amount: int) -> None:
        self._add_entry(attribute, count_key(expiry), amount)
        self._add(**{total: amount})

    def _correct(self, attribute: str, total: str, expiry: int, amount: int) -> None:
        """Change a count that has not been removed yet, and require that this is still so."""
        counts = self._account.request_counts if attribute == "w" else self._account.token_counts
        if expiry not in counts and milliseconds(expiry / rate_window.TICKS) > self._item.last:
            path = self._update.map_entry(attribute, count_key(expiry))
            self._update.require_that(f"attribute_not_exists({path})")
        if not amount or counts.get(expiry, 0) + amount < 0 or expiry not in counts:
            return
        path = self._update.map_entry(attribute, count_key(expiry))
        self._update.require_that(f"{path} >= {self._update.value(max(0, -amount))}")
        self._count(attribute, total, expiry, amount)

    def _add(self, **amounts: int) -> None:
        for name, amount in amounts.items():
            self._deltas[name] = self._deltas.get(name, 0) + amount

    def _add_entry(self, attribute: str, key: str, amount: int) -> None:
        self._entries[attribute, key] = self._entries.get((attribute, key), 0) + amount

    def _action(self) -> WriteAction:
        for name, value in self._resets.items():
            self._update.set(NUMBERS[name], value + self._deltas.pop(name, 0))
        for entry in self._removed - self._entries.keys():
            self._update.remove(self._update.map_entry(*entry))
        for name, amount in self._deltas.items():
            self._update.increase(NUMBERS[name], amount)
        for (attribute, key), amount in self._entries.items():
            if (attribute, key) in self._removed:  # an old count, whose key has the same digits
                self._update.set_entry(attribute, key, amount)
            else:
                self._update.increase_entry(attribute, key, amount)
        return self._update.action()
