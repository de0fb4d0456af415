"""A store in one DynamoDB table, for any number of processes: see `dynamo_items` for what it holds.

The table's keys are `pk` and `sk`, both texts; its TTL attribute is `exp`. What it is asked, and with which
permissions, is in `vaultcore.aws.dynamo`. Entries of a shelf have at most 1,023 bytes, shelves 2,046, and a
document 400 KB with its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from secrets import token_hex

from vaultcore.aws.dynamo import Busy, ConditionsFailed, Dynamo, Table
from vaultcore.clock import Clock
from vaultcore.limits.account import Account
from vaultcore.limits.reservation import Reservation
from vaultcore.store.base import Add, Document, Drop, Name, Put, Settled, Settlement
from vaultcore.store.dynamo_pages import Between, pages
from vaultcore.store.dynamo_turns import Turns, answering
from vaultcore.store.dynamodb.accounts import Accounts
from vaultcore.store.dynamodb.documents import Writing
from vaultcore.store.dynamodb.items import account_key, document_key, document_of, entry_of
from vaultcore.store.dynamodb.reserve import admit
from vaultcore.store.dynamodb.settle import settle


class DynamoStore:
    """Documents and accounts in one table. Nothing is opened before the first operation.

    What `admit` tells of an account is how it is where there is one level. Of several, a transaction tells
    nothing: accounts are then as this process has last seen them, with the reservation in them.
    """

    def __init__(self, dynamo: Dynamo, table: str, clock: Clock) -> None:
        self._table, self._clock = Table(dynamo, table), clock
        self._accounts = Accounts(self._table, clock)

    async def get(self, *names: Name, ahead: Sequence[str] = ()) -> list[Document | None]:
        if not names:
            return []
        asked, unseen = list(dict.fromkeys(names)), self._accounts.unseen(ahead)
        keys = [*(document_key(name) for name in asked), *(account_key(name) for name in unseen)]
        with answering():
            found = await self._table.get(keys)
        for name, item in zip(unseen, found[len(asked) :], strict=True):
            self._accounts.shown(name, item)
        now, items = self._clock.now(), dict(zip(asked, found, strict=False))
        return [document_of(name, items[name], now) for name in names]

    async def entries(
        self,
        shelf: str,
        *,
        after: str = "",
        before: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Document]:
        now, between = self._clock.now(), Between(shelf, after, before, newest_first)
        found: list[Document] = []
        with answering():
            async with aclosing(pages(self._table, between, limit, now)) as answers:
                async for items in answers:
                    read = (document_of(Name(shelf, entry_of(item)), item, now) for item in items)
                    found += [document for document in read if document is not None]
                    if len(found) >= limit:
                        break
        return found[:limit]

    async def write(self, *writes: Put | Drop | Add) -> None:
        if not writes:
            return
        writing, turns = Writing(writes, self._clock.now(), token_hex(6)), Turns(self._clock)
        with answering():
            while True:
                try:
                    await self._table.write(*writing.actions())
                except ConditionsFailed as refused:
                    if writing.made(refused.failed):
                        return
                    await turns.another()
                except Busy:
                    await turns.another(busy=True)
                else:
                    return

    async def accounts(self, *names: str) -> list[Account]:
        with answering():
            return [seen.account for seen in await self._accounts.look(names)]

    async def admit(self, reservation: Reservation) -> list[Account]:
        with answering():
            return await admit(self._accounts, reservation)

    async def settle(self, settlement: Settlement) -> Settled:
        with answering():
            return await settle(self._accounts, settlement)

    async def sweep(self, *accounts: str) -> int:
        with answering():
            return await self._accounts.sweep(accounts)

    async def warm(self) -> None:
        """What a first operation would spend time on, as far as it needs neither network nor credentials."""
        await self._table.warm()

    async def aclose(self) -> None:
        """Wait for what is under way; the store is of no use any more."""
        await self._table.aclose()
