"""Accounts in SQLite: one row each with a column for every number, and JSON for counts and buckets.

The table `base` has the time at which the machine's uptime was 0, so that all processes agree on the time of
accounts, also if the clock is set between their starts.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from vaultcore.clock import Clock
from vaultcore.json_codec import dumps_text
from vaultcore.limits.account import Account
from vaultcore.limits.lease_bucket import Bucket, BucketKey, Buckets
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
_parse = json.JSONDecoder().decode
MAX_CACHED = 10_000  # accounts


class AccountCache:
    """The accounts as the last transactions of a connection left them, as long as no other connection writes.

    Changed accounts are written once, at the end of a transaction.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._accounts: OrderedDict[str, Account] = OrderedDict()
        self._changed: dict[str, Account] = {}
        self._version, self._is_checked = -1, False
        self.changes = 0  # so far; also of transactions that were undone

    def begin(self) -> None:
        """Begin a transaction: another connection may have written since the last one."""
        self._is_checked = False

    def clear(self) -> None:
        """Forget all accounts, because a transaction was undone."""
        self._accounts.clear()
        self._changed.clear()

    def read(self, names: Sequence[str]) -> list[Account]:
        """Return the current accounts; a new one for each name that was never used."""
        if not self._is_checked:
            self._is_checked = True
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            if version != self._version:
                self._version = version
                self._accounts.clear()
        return [self._accounts.get(name) or _read(self._connection, name) for name in names]

    def write(self, names: Sequence[str], accounts: Sequence[Account]) -> None:
        """Replace accounts, which were read in this transaction."""
        self.changes += 1
        for name, account in zip(names, accounts, strict=True):
            self._accounts[name] = self._changed[name] = account

    def flush(self) -> None:
        """Write the changed accounts, at the end of a transaction."""
        if not self._changed:
            return
        for name, account in self._changed.items():
            self._connection.execute(_UPSERT, _row(name, account))
            self._accounts.move_to_end(name)
        self._changed.clear()
        while len(self._accounts) > MAX_CACHED:
            self._accounts.popitem(last=False)


def import_previous(connection: Connection, now: float) -> None:
    """Replace the table of accounts of schema 1. The caller's transaction contains all of it."""
    for statement in ACCOUNT_TABLES:
        connection.execute(statement)
    for name, state in connection.execute("SELECT name, state FROM accounts").fetchall():
        connection.execute(_UPSERT, _row(name, parse_previous(_parse(state), now)))
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


def _row(name: str, account: Account) -> tuple[Any, ...]:
    """Return the values of `_UPSERT`. Written out: it takes a third of the time of a loop over the names."""
    requests, tokens, buckets = account.request_counts, account.token_counts, account.buckets
    return (
        name,
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
        dumps_text([*requests.items()]) if requests else "",
        dumps_text([*tokens.items()]) if tokens else "",
        _render_buckets(buckets) if buckets else "",
    )


def _render_buckets(buckets: Buckets) -> str:
    """Return `[[end, day, requests, tokens, nanos], ...]`."""
    return dumps_text(
        [(key.end, key.day, each.requests, each.tokens, each.nanos) for key, each in buckets.items()]
    )


def _parse_counts(text: str) -> dict[int, int]:
    return dict(_parse(text)) if text else {}
