"""Settles a request: its record first, then its charge at every level, one update for each.

    record (must not exist) ──▶ key, owner, gateway at once ──▶ alerts

The record contains what the charges need. If a process dies in between, `complete_settlements` charges what
is missing, also in another process: a level's mark shows whether it was charged.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from secrets import token_hex

from vaultcore.aws.dynamodb import ConditionsFailed, DynamoDBBusy, WriteAction
from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.account import Account, Charge, Lease, copy
from vaultcore.limits.reservation import Level
from vaultcore.limits.thresholds import Crossing, find_crossings
from vaultcore.store.base import Settlement, SettlementResult
from vaultcore.store.dynamodb.account_item import AccountItem
from vaultcore.store.dynamodb.accounts import AccountTable
from vaultcore.store.dynamodb.contention import WriteBackoff
from vaultcore.store.dynamodb.documents import DocumentWrite
from vaultcore.store.dynamodb.items import text
from vaultcore.store.dynamodb.operation_marks import RETENTION, mark_of
from vaultcore.store.dynamodb.shard_allocation import shard_name
from vaultcore.store.dynamodb.shard_thresholds import find_new_crossings
from vaultcore.wire import Json

DUE = "due"  # attribute of a record: what its charges need


@dataclass(frozen=True, slots=True)
class Due:
    """The charges of a settlement, as its record contains them."""

    id: str
    accounts: Sequence[str]
    lease: Lease
    charge: Charge

    def render(self) -> Json:
        """Return the attribute's value."""
        lease, charge = self.lease, self.charge
        reserved = [lease.at, lease.until, lease.tokens, lease.minute, lease.nanos, lease.day]
        used = [charge.prompt, charge.completion, charge.nanos]
        return text(json.dumps([self.id, self.accounts, reserved, used], separators=(",", ":")))

    @classmethod
    def parse(cls, item: Json) -> Due | None:
        """Return the charges of a record's item; None if an earlier version has written it."""
        if DUE not in item:
            return None
        settlement_id, accounts, lease, charge = json.loads(item[DUE]["S"])
        return cls(settlement_id, accounts, Lease(*lease), Charge(*charge))


async def settle(accounts: AccountTable, settlement: Settlement) -> SettlementResult:
    """Write the record and charge every level, as `Store.settle` says. Repeating it completes it."""
    shards = settlement.lease.shards or (0,) * len(settlement.levels)
    names = [shard_name(level.account, shard) for level, shard in zip(settlement.levels, shards, strict=True)]
    due = Due(settlement.id, names, settlement.lease, settlement.charge)
    existing = await _write_record(accounts, settlement, due)
    if existing is not None:
        stored = Due.parse(existing)
        return SettlementResult(stored is not None and await charge_missing(accounts, stored) > 0)
    items = await asyncio.gather(*(_charge_own(accounts, name, due) for name in names))
    crossings: list[Crossing] = []
    for level, item in zip(settlement.levels, items, strict=True):
        if item is not None and item.shards > 1:
            crossings += await find_new_crossings(accounts, level, item)
        elif item is not None:
            crossings += _crossings(level, item.account, due)
    alerts = [settlement.alert(crossing) for crossing in crossings] if settlement.alert else []
    for alert in alerts:
        (action,) = DocumentWrite((alert,), accounts.clock.now(), due.id).actions()
        await _put(accounts, action)
    return SettlementResult(applied=True, crossings=tuple(crossings))


async def charge_missing(accounts: AccountTable, due: Due) -> int:
    """Charge the levels that have not been charged yet. Return their number.

    None is charged if the marks are no longer stored: a level would be charged twice.
    """
    if due.lease.at < accounts.now() - RETENTION:
        return 0  # the marks have been deleted
    charged = 0
    for name in due.accounts:
        item = await accounts.read_or_create(name)  # before the archive: marks move from the item to there
        if mark_of("settle", due.id) not in await accounts.archive.read(name, due.lease.at):
            charged += await _charge(accounts, name, due, item) is not None
    return charged


async def _charge_own(accounts: AccountTable, name: str, due: Due) -> AccountItem | None:
    """Charge one level of a new record. Return the item after it.

    If its mark was there already, the response to an attempt was lost, or another process has completed the
    settlement. Its thresholds are still to be reported.
    """
    return await _charge(accounts, name, due) or accounts.cached(name)


async def _charge(
    accounts: AccountTable, name: str, due: Due, item: AccountItem | None = None
) -> AccountItem | None:
    """Charge one level. Return the item after it; None if it was charged before."""
    item = item or accounts.cached(name)
    if item is None or not item.exists:
        item = await accounts.read_or_create(name)
    return await accounts.change(
        name, mark_of("settle", due.id), item, lambda update: update.settle(due.lease, due.charge)
    )


async def _write_record(accounts: AccountTable, settlement: Settlement, due: Due) -> Json | None:
    """Write the record. Return None, or the item that another settlement has written."""
    document = DocumentWrite((settlement.record,), accounts.clock.now(), token_hex(6))
    (action,) = document.actions()
    action.fields["Item"][DUE] = due.render()
    existing = await _put(accounts, action)
    return None if existing is None or document.is_result(existing) else existing


async def _put(accounts: AccountTable, action: WriteAction) -> Json | None:
    """Write an item that must not exist. Return None, or the item that exists already."""
    backoff = WriteBackoff(accounts.clock)
    while True:
        try:
            await accounts.table.write(action)
        except ConditionsFailed as failure:
            return failure.items[0]
        except DynamoDBBusy:
            await backoff.wait(busy=True)
        else:
            return None


def _crossings(level: Level, after: Account, due: Due) -> Sequence[Crossing]:
    """Return the thresholds that a charge has crossed. `after` is the account just after it."""
    before, charge = copy(after), due.charge
    before.tokens -= charge.tokens
    before.nanos -= charge.nanos
    before.day_nanos -= charge.nanos if due.lease.day == after.day else 0
    before.month_nanos -= charge.nanos if due.lease.day[:7] == after.month else 0
    return list(find_crossings(level.account, before, after, level.limits, level.thresholds))
