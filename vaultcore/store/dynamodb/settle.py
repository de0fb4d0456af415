"""One request at its end: what is tried, and what is made of what DynamoDB then shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from secrets import token_hex

from vaultcore.aws.dynamo import Action, Busy, ConditionsFailed
from vaultcore.limits.account import settle as charge
from vaultcore.limits.thresholds import Crossing
from vaultcore.store.arithmetic import settled
from vaultcore.store.base import ABSENT, Settled, Settlement
from vaultcore.store.dynamo_turns import Turns
from vaultcore.store.dynamodb.account_cache import Seen
from vaultcore.store.dynamodb.accounts import Accounts
from vaultcore.store.dynamodb.documents import Writing
from vaultcore.store.dynamodb.reserve_expressions import created
from vaultcore.store.dynamodb.settle_expressions import charged, guessed
from vaultcore.wire import Json


async def settle(accounts: Accounts, settlement: Settlement) -> Settled:
    """See `Store`."""
    async with accounts.lanes.alone(level.account for level in settlement.levels):
        return await _Settling(accounts, settlement).run()


class _Settling:
    def __init__(self, accounts: Accounts, settlement: Settlement) -> None:
        self._accounts, self._settlement = accounts, settlement
        self._names = [level.account for level in settlement.levels]
        guess = Seen(guessed(settlement))
        self._seen = [accounts.known(name, guess) for name in self._names]
        self._record = replace(settlement.record, version=ABSENT)
        self._writing = Writing((), accounts.clock.now(), token_hex(6))

    async def run(self) -> Settled:
        """Settle it, unless that has been done."""
        turns = Turns(self._accounts.clock)
        while True:
            actions, crossed = self._planned()
            try:
                await self._accounts.table.write(*actions)
            except ConditionsFailed as refused:
                if (done := self._wrong(refused.failed, crossed)) is not None:
                    return done
                await turns.another()
            except Busy:
                await turns.another(busy=True)
            else:
                return self._done(crossed)

    def _planned(self) -> tuple[list[Action], tuple[Crossing, ...]]:
        """What is written, and the marks that it passes, by what was last seen of the accounts."""
        asked = self._settlement
        after, crossed = settled(asked, [each.account for each in self._seen])
        alerts = [asked.alert(each) for each in crossed] if asked.alert else []
        self._writing.writes = (self._record, *asked.adds, *alerts)
        actions = [
            charged(level, seen.account, asked) if seen.exists else created(level.account, account)
            for level, seen, account in zip(asked.levels, self._seen, after, strict=True)
        ]
        return [*actions, *self._writing.actions()], crossed

    def _wrong(self, items: Mapping[int, Json], crossed: tuple[Crossing, ...]) -> Settled | None:
        """What it is that this request has been settled; None where another try is due. Raises Conflict."""
        first = len(self._names)
        shown = {index - first: item for index, item in items.items() if index >= first}
        if 0 in shown:
            return self._done(crossed) if self._writing.left(shown[0]) else Settled(fresh=False)
        if not self._accounts.correct(self._seen, self._names, items):
            self._writing.made(shown)  # not where accounts were wrong: marks may have been then
        return None

    def _done(self, crossed: tuple[Crossing, ...]) -> Settled:
        """See what this must have made of the accounts."""
        asked, sight = self._settlement, self._accounts.sight
        for name in self._names:
            known = sight.known(name)
            if known is not None and asked.id in known.account.leases:
                sight.keep(name, charge(known.account, asked.id, asked.lease, asked.spent))
        return Settled(fresh=True, crossings=crossed)
