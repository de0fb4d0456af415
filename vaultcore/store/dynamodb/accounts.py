"""The accounts of a table: how they look, and how leases whose time is up are given back.

There is no read before a write. What an account looked like last is remembered, a write asserts what it
depends on, and where that was wrong DynamoDB shows the item as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vaultcore.aws.dynamo import Busy, ConditionsFailed, Table
from vaultcore.clock import Clock
from vaultcore.limits.account import Account, Lease
from vaultcore.store.dynamo_turns import Turns
from vaultcore.store.dynamodb.account_cache import Seen, Sight
from vaultcore.store.dynamodb.contention import Lanes
from vaultcore.store.dynamodb.items import account_key, account_of
from vaultcore.store.dynamodb.reserve_expressions import overdue, returned
from vaultcore.wire import Json

NOBODY = Seen(Account(), exists=False)


class Accounts:
    """An account's item has 400 KB: it holds about 4,000 requests in flight."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self.table, self.clock = table, clock
        self.sight, self.lanes = Sight(), Lanes()

    async def look(self, names: Sequence[str]) -> list[Seen]:
        """Accounts as they are now."""
        if not names:
            return []
        asked = list(dict.fromkeys(names))
        items = await self.table.get([account_key(name) for name in asked])
        shown = {name: self.shown(name, item) for name, item in zip(asked, items, strict=True)}
        return [shown[name] for name in names]

    async def sweep(self, names: Sequence[str]) -> int:
        """See `Store`."""
        swept = 0
        for name, shown in zip(names, await self.look(names), strict=True):
            seen, turns = shown, Turns(self.clock)
            while ended := overdue(seen.account, self.clock.now()):
                seen, given = await self.give_back(name, seen, ended, turns)
                swept += given
        return swept

    async def give_back(
        self, name: str, seen: Seen, ended: Mapping[str, Lease], turns: Turns
    ) -> tuple[Seen, int]:
        """The account without these leases, and how many of them this gave back."""
        try:
            item = await self.table.write(returned(name, seen.account, ended))
        except ConditionsFailed as wrong:
            await turns.another()
            return self.shown(name, wrong.failed[0]), 0
        except Busy:
            await turns.another(busy=True)
            return seen, 0
        return self.shown(name, item), len(ended)

    def shown(self, name: str, item: Json) -> Seen:
        """Take in an item that DynamoDB has just shown."""
        return self.sight.show(name, account_of(item), exists=bool(item))

    def correct(self, seen: list[Seen], names: Sequence[str], items: Mapping[int, Json]) -> bool:
        """Have what DynamoDB has shown of accounts in place of what was thought of them, if it has."""
        wrong = [index for index in range(len(names)) if index in items]
        for index in wrong:
            seen[index] = self.shown(names[index], items[index])
        return bool(wrong)

    def unseen(self, names: Sequence[str]) -> list[str]:
        """Those that a first admission would have to look at."""
        return [name for name in dict.fromkeys(names) if self.sight.known(name) is None]

    def known(self, name: str, otherwise: Seen) -> Seen:
        """An account as it was last seen."""
        return self.sight.known(name) or otherwise
