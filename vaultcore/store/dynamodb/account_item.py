"""The item of an account. Its size does not depend on what is in flight.

An account has the key (`A#` + name, `2`). The attributes of NUMBERS hold the numbers of `Account`, and:

    d      the day
    l, r   the last admission, and the time up to which expired entries were removed: ms since the epoch
    w, x   maps of request counts and token counts, by expiry
    u      map of buckets, three entries each, by end, day and part: requests, tokens, nano-dollars
    a, b   the marks of the latest operations and of those before (`operation_marks`)
    g      how many times `b` was replaced
    i, h   a period of METER seconds, and the admissions in it
    n      the number of items into which the account is divided, if it is (`shard_allocation`)
    s, z   then: this item's slice of each limit, and the limits that were divided

Keys of the maps are written in base 64, without the digits that `l` implies: three digits for a second, five
for a hundredth of a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from typing import Final

from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.account import Account, day_of
from vaultcore.limits.lease_bucket import Bucket, BucketKey
from vaultcore.limits.rate_window import TICKS, ticks
from vaultcore.store.dynamodb.items import number, parse_int, text
from vaultcore.wire import Json

NUMBERS: Final[Mapping[str, str]] = {
    "requests": "q",
    "minute": "t",
    "in_flight": "f",
    "tokens": "ts",
    "tokens_held": "th",
    "nanos": "ns",
    "nanos_held": "nh",
    "day_nanos": "ds",
    "day_held": "dh",
    "month_nanos": "ms",
    "month_held": "mh",
    "settled": "c",
    "prompt": "p",
    "completion": "k",
}
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_SECOND, _TICK, _END = 3, 5, 5  # digits
_PARTS = "rtn"  # of a bucket: requests, tokens, nano-dollars
DAY = 86_400
METER = 4  # seconds


@dataclass(frozen=True, slots=True)
class AccountItem:
    """An account as DynamoDB has returned it. `is_current` is True if it was read for the request at hand."""

    account: Account
    last: int = 0  # ms since the epoch
    generation: int = 0
    recent: frozenset[str] = field(default_factory=frozenset)
    older: frozenset[str] = field(default_factory=frozenset)
    exists: bool = True
    is_current: bool = False
    period: int = 0  # number of METER seconds since the epoch
    admissions: int = 0  # in that period
    shards: int = 1
    slices: Mapping[str, int] = field(default_factory=dict)  # by limit, if there are several shards
    totals: Mapping[str, int] = field(default_factory=dict)  # the limits that the slices add up to

    def has_mark(self, mark: str) -> bool:
        """Return True if the operation with this mark has been applied, as far as the item remembers."""
        return mark in self.recent or mark in self.older


def account_key(name: str) -> Json:
    """Return the table key of an account."""
    return {"pk": {"S": f"A#{name}"}, "sk": {"S": "2"}}


def previous_key(name: str) -> Json:
    """Return the table key under which versions before 0.3 stored an account."""
    return {"pk": {"S": f"A#{name}"}, "sk": {"S": "-"}}


def render_account(name: str, account: Account, last: int) -> Json:
    """Return the complete item of a new account."""
    counts = ((account.request_counts, "w"), (account.token_counts, "x"))
    return {
        **account_key(name),
        **{attribute: number(getattr(account, field)) for field, attribute in NUMBERS.items()},
        "d": text(account.day),
        "l": number(last),
        "r": number(milliseconds(account.rolled)),
        "g": number(0),
        **{
            attribute: {"M": {count_key(expiry): number(count) for expiry, count in each.items()}}
            for each, attribute in counts
        },
        "u": {
            "M": {
                entry: number(amount)
                for key, bucket in account.buckets.items()
                for entry, amount in bucket_entries(key, bucket).items()
            }
        },
    }


def parse_account(item: Json) -> AccountItem:
    """Return the account of an item; a new one if the item is empty."""
    if not item:
        return AccountItem(Account(), exists=False)
    last = parse_int(item["l"]["N"])
    account = Account(
        rolled=parse_int(item["r"]["N"]) / 1_000,
        day=item["d"]["S"],
        request_counts={
            _parse_count_key(key, last): parse_int(each["N"]) for key, each in item["w"]["M"].items()
        },
        token_counts={
            _parse_count_key(key, last): parse_int(each["N"]) for key, each in item["x"]["M"].items()
        },
        buckets=_parse_buckets(item["u"]["M"], last),
        **{name: parse_int(item[attribute]["N"]) for name, attribute in NUMBERS.items()},
    )
    recent, older = (frozenset(item[name]["SS"]) if name in item else frozenset() for name in ("a", "b"))
    return AccountItem(
        account,
        last,
        parse_int(item["g"]["N"]),
        recent,
        older,
        period=parse_int(item["i"]["N"]) if "i" in item else 0,
        admissions=parse_int(item["h"]["N"]) if "h" in item else 0,
        shards=parse_int(item["n"]["N"]) if "n" in item else 1,
        slices=_parse_amounts(item.get("s")),
        totals=_parse_amounts(item.get("z")),
    )


def render_amounts(amounts: Mapping[str, int]) -> Json:
    """Return numbers by name as a DynamoDB value."""
    return {"M": {name: number(amount) for name, amount in amounts.items()}}


def _parse_amounts(value: Json | None) -> dict[str, int]:
    return {name: parse_int(each["N"]) for name, each in value["M"].items()} if value else {}


def milliseconds(at: float) -> int:
    """Return a time in ms, rounded down."""
    return int(round(at * 1_000, 3))


def count_key(expiry: int) -> str:
    """Return the key of a count: of its second if it expires at a whole one, else of its tick."""
    return _digits(expiry // TICKS, _SECOND) if expiry % TICKS == 0 else _digits(expiry, _TICK)


def bucket_entries(key: BucketKey, bucket: Bucket) -> dict[str, int]:
    """Return the entries of a bucket."""
    prefix = _digits(key.end, _END) + _digits(_day_number(key.day), 1)
    amounts = (bucket.requests, bucket.tokens, bucket.nanos)
    return {prefix + part: amount for part, amount in zip(_PARTS, amounts, strict=True)}


def _parse_buckets(entries: Json, last: int) -> dict[BucketKey, Bucket]:
    return {
        _parse_bucket_key(key, last): Bucket(
            *(
                parse_int(entries[key[:-1] + part]["N"]) if key[:-1] + part in entries else 0
                for part in _PARTS
            )
        )
        for key in entries
        if key.endswith(_PARTS[0])
    }


def _parse_count_key(key: str, last: int) -> int:
    if len(key) == _SECOND:
        return _nearest(key, last // 1_000) * TICKS
    return _nearest(key, ticks(last / 1_000))


def _parse_bucket_key(key: str, last: int) -> BucketKey:
    end = _nearest(key[:_END], last // 1_000)
    latest = end // DAY
    return BucketKey(end, day_of((latest - (latest - _VALUES[key[_END]]) % 64) * DAY))


def _day_number(day: str) -> int:
    return date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal()


def _digits(value: int, count: int) -> str:
    digits = ""
    for _ in range(count):
        digits = _DIGITS[value % 64] + digits
        value //= 64
    return digits


def _nearest(key: str, near: int) -> int:
    """Return the number that ends with these digits and is nearest to another one."""
    value, span = 0, int(64 ** len(key))
    for digit in key:
        value = value * 64 + _VALUES[digit]
    return near + (value - near + span // 2) % span - span // 2
