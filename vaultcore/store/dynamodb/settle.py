"""Settles a request at every level: what is tried, and how DynamoDB's responses are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from secrets import token_hex

from vaultcore.aws.dynamodb import ConditionsFailed, DynamoDBBusy, WriteAction
from vaultcore.limits.account import settle as settle_in_account
from vaultcore.limits.thresholds import Crossing
from vaultcore.store.arithmetic import settle_levels
from vaultcore.store.base import ABSENT, Settlement, SettlementResult
from vaultcore.store.dynamodb.account_cache import CachedAccount
from vaultcore.store.dynamodb.accounts import AccountTable
from vaultcore.store.dynamodb.contention import WriteBackoff
from vaultcore.store.dynamodb.documents import DocumentWrite
from vaultcore.store.dynamodb.reserve_expressions import create_account
from vaultcore.store.dynamodb.settle_expressions import assumed_account, settle_account
from vaultcore.wire import Json


async def settle(accounts: AccountTable, settlement: Settlement) -> SettlementResult:
    """Settle a request once, as `Store.settle` says."""
    async with accounts.locks.exclusive(level.account for level in settlement.levels):
        return await _SettleOperation(accounts, settlement).run()


class _SettleOperation:
    """The attempts of one settlement. Its transaction holds the accounts first, then the documents."""

    def __init__(self, accounts: AccountTable, settlement: Settlement) -> None:
        self._table, self._settlement = accounts, settlement
        self._names = [level.account for level in settlement.levels]
        assumed = CachedAccount(assumed_account(settlement))
        self._accounts = [accounts.cached(name, assumed) for name in self._names]
        self._record = replace(settlement.record, version=ABSENT)
        self._documents = DocumentWrite((), accounts.clock.now(), token_hex(6))

    async def run(self) -> SettlementResult:
        """Write until the settlement is applied, or was applied before. Raise Conflict."""
        backoff = WriteBackoff(self._table.clock)
        while True:
            actions, crossings = self._plan()
            try:
                await self._table.table.write(*actions)
            except ConditionsFailed as failure:
                if (result := self._explain(failure.items, crossings)) is not None:
                    return result
                await backoff.wait()
            except DynamoDBBusy:
                await backoff.wait(busy=True)
            else:
                return self._cache_result(crossings)

    def _plan(self) -> tuple[list[WriteAction], tuple[Crossing, ...]]:
        """Return the next attempt's actions and the thresholds they cross, by the cached accounts."""
        settlement = self._settlement
        after, crossings = settle_levels(settlement, [each.account for each in self._accounts])
        alerts = [settlement.alert(crossing) for crossing in crossings] if settlement.alert else []
        self._documents.writes = (self._record, *settlement.adds, *alerts)
        actions = [
            settle_account(level, cached.account, settlement)
            if cached.exists
            else create_account(level.account, account)
            for level, cached, account in zip(settlement.levels, self._accounts, after, strict=True)
        ]
        return [*actions, *self._documents.actions()], crossings

    def _explain(self, items: Mapping[int, Json], crossings: tuple[Crossing, ...]) -> SettlementResult | None:
        """Return the result if the request is settled already; None if another attempt is needed.

        A failed condition of the record means that it exists: written by an earlier attempt of this
        settlement, or by an earlier settlement. Raise Conflict if a document has another version.
        """
        first = len(self._names)
        documents = {index - first: item for index, item in items.items() if index >= first}
        if 0 in documents:
            if self._documents.is_result(documents[0]):
                return self._cache_result(crossings)
            return SettlementResult(applied=False)
        if not self._table.replace_outdated(self._accounts, self._names, items):
            # Only if no account was outdated: otherwise the crossings, and so the alerts, may change.
            self._documents.was_applied(documents)
        return None

    def _cache_result(self, crossings: tuple[Crossing, ...]) -> SettlementResult:
        """Apply the settlement to the cached accounts."""
        settlement, cache = self._settlement, self._table.cache
        for name in self._names:
            cached = cache.get(name)
            if cached is not None and settlement.id in cached.account.leases:
                account = settle_in_account(
                    cached.account, settlement.id, settlement.lease, settlement.charge
                )
                cache.put(name, account)
        return SettlementResult(applied=True, crossings=crossings)
