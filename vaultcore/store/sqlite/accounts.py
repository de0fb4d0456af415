"""Accounts in SQLite: one row each with a column for every number, and JSON for counts and buckets.

The table `base` has the time at which the machine's uptime was 0, so that all processes agree on the time of
accounts, also if the clock is set between their starts.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from vaultcore.clock import Clock
from vaultcore.limits.account import Account
from vaultcore.limits.lease_bucket import Bucket, BucketKey
from vaultcore.store.previous_account import parse_previous

_MAPS = ("request_counts", "token_counts", "buckets")  # columns of JSON; "" is an empty map
_COLUMNS = tuple(each.name for each in fields(Account))
_PLAIN = len(_COLUMNS) - len(_MAPS)  # columns before the maps
_TYPES = {"rolled": "REAL", "day": "TEXT", **dict.fromkeys(_MAPS, "TEXT")}
ACCOUNT_TABLES = (
    "CREATE TABLE balances (name TEXT NOT NULL PRIMARY KEY, "
    + ", ".join(f"{name} {_TYPES.get(name, 'INTEGER')} NOT NULL" for name in _COLUMNS)
    + ") WITHOUT ROWID",
    "CREATE TABLE base (boot TEXT NOT NULL, uptime REAL NOT NULL, base REAL NOT NULL)",
)
# The names of the columns are those of fields.
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM balances WHERE name = ?"  # noqa: S608
_UPSERT = (
    f"INSERT INTO balances (name, {', '.join(_COLUMNS)}) VALUES (?{', ?' * len(_COLUMNS)}) "  # noqa: S608
    f"ON CONFLICT (name) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS)}"
)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux
_render = json.JSONEncoder(separators=(",", ":")).encode  # created once: json.dumps creates one per call
_parse = json.JSONDecoder().decode
MAX_CACHED = 10_000  # accounts


class AccountCache:
    """The accounts as the last transactions left them, as long as no other connection writes."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, Account] = OrderedDict()
        self._version = -1

    def clear(self) -> None:
        """Forget all accounts, because a transaction was undone."""
        self._accounts.clear()

    def check(self, connection: Connection) -> None:
        """Forget all accounts if another connection has written. Run it at the start of a transaction."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self._accounts.clear()

    def read(self, connection: Connection, names: Sequence[str]) -> list[Account]:
        """Return the current accounts; a new one for each name that was never used."""
        return [self._accounts.get(name) or _read(connection, name) for name in names]

    def write(self, connection: Connection, accounts: Iterable[tuple[str, Account]]) -> None:
        """Write accounts by name."""
        for name, account in accounts:
            connection.execute(_UPSERT, (name, *_row(account)))
            self._accounts[name] = account
            self._accounts.move_to_end(name)
        while len(self._accounts) > MAX_CACHED:
            self._accounts.popitem(last=False)


def import_previous(connection: Connection, now: float) -> None:
    """Replace the table of accounts of schema 1. The caller's transaction contains all of it."""
    for statement in ACCOUNT_TABLES:
        connection.execute(statement)
    for name, state in connection.execute("SELECT name, state FROM accounts").fetchall():
        connection.execute(_UPSERT, (name, *_row(parse_previous(_parse(state), now))))
    connection.execute("DROP TABLE accounts")


def agree_on_time(connection: Connection, clock: Clock) -> float:
    """Return the time at which the machine's uptime was 0, as the first process since its start stored it."""
    boot, uptime = "", clock.monotonic()
    with suppress(OSError):
        boot = _BOOT_ID.read_text("ascii").strip()
    row = connection.execute("SELECT boot, uptime, base FROM base").fetchone()
    if row is not None and row[0] == boot and row[1] <= uptime:
        return float(row[2])
    base = clock.now() - uptime
    connection.execute("DELETE FROM base")
    connection.execute("INSERT INTO base VALUES (?, ?, ?)", (boot, uptime, base))
    return base


def _read(connection: Connection, name: str) -> Account:
    row = connection.execute(_SELECT, (name,)).fetchone()
    if row is None:
        return Account()
    requests, tokens, buckets = row[_PLAIN:]
    account = Account(*row[:_PLAIN])
    account.request_counts, account.token_counts = _parse_counts(requests), _parse_counts(tokens)
    rows = _parse(buckets) if buckets else ()
    account.buckets = {BucketKey(end, day): Bucket(*amounts) for end, day, *amounts in rows}
    return account


def _row(account: Account) -> list[Any]:
    row: list[Any] = [getattr(account, name) for name in _COLUMNS[:_PLAIN]]
    row += [
        _render(list(counts.items())) if counts else ""
        for counts in (account.request_counts, account.token_counts)
    ]
    buckets = [
        (key.end, key.day, each.requests, each.tokens, each.nanos) for key, each in account.buckets.items()
    ]
    return [*row, _render(buckets) if buckets else ""]


def _parse_counts(text: str) -> dict[int, int]:
    return dict(_parse(text)) if text else {}
