"""A store in one DynamoDB table, for any number of processes. `items` defines what the table contains.

The table's keys are `pk` and `sk`, both texts. Its TTL attribute is `exp`. `vaultcore.aws.dynamodb` lists the
permissions. DynamoDB limits an ID to 1,023 bytes, a collection's name to 2,046, and a document to 400 KB with
its key.

The life of a reservation, at each of its levels:

    reserve                        settle                          lease.until
       │                             │                                 │
    ───┼─────────────────────────────┼─────────────────────────────────┼───────▶ time
       │ add the lease               │ remove the lease                │
       │ held += maximum             │ held += charge - maximum        │
       │                             │ used += charge                  │
       │                             │ write record, totals, alerts    │

    reserve                  lease.until     sweep, or another reserve    late settle
       │                         │               │                           │
    ───┼─────────────────────────┼───────────────┼───────────────────────────┼───▶ time
       │ add the lease           │ lease expires │ remove the lease          │ held += charge
       │ held += maximum         │               │ held -= maximum           │ used += charge
       │                         │               │                           │ write documents

`maximum` is what the lease holds of tokens and money: the most that the request can use.
Each step is one write: an update for one level, a transaction for several and for every settlement. A step
that is repeated does nothing: `reserve` requires that the account does not hold the lease, and `settle` that
the record does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from secrets import token_hex

from vaultcore.aws.dynamodb import ConditionsFailed, DynamoDBBusy, DynamoDBClient, DynamoDBTable
from vaultcore.clock import Clock
from vaultcore.limits.account import Account
from vaultcore.limits.reservation import Reservation
from vaultcore.store.base import Document, DocumentKey, Settlement, SettlementResult, Write
from vaultcore.store.dynamodb.accounts import AccountTable
from vaultcore.store.dynamodb.contention import WriteBackoff, translate_aws_errors
from vaultcore.store.dynamodb.documents import DocumentWrite, QueryRange, query_pages
from vaultcore.store.dynamodb.items import account_key, document_key, id_of, parse_document
from vaultcore.store.dynamodb.reserve import reserve
from vaultcore.store.dynamodb.settle import settle


class DynamoDBStore:
    """Documents and accounts in one table. The first operation connects.

    `reserve` returns a current account if there is one level. A transaction on several levels returns no
    items; then the accounts are those this process has cached, with the reservation added.
    """

    def __init__(self, client: DynamoDBClient, table: str, clock: Clock) -> None:
        self._table, self._clock = DynamoDBTable(client, table), clock
        self._accounts = AccountTable(self._table, clock)

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        if not keys:
            return []
        unique, uncached = list(dict.fromkeys(keys)), self._accounts.uncached(prefetch)
        table_keys = [*(document_key(key) for key in unique), *(account_key(name) for name in uncached)]
        with translate_aws_errors():
            items = await self._table.get(table_keys)
        for name, item in zip(uncached, items[len(unique) :], strict=True):
            self._accounts.cache_item(name, item)
        now, by_key = self._clock.now(), dict(zip(unique, items, strict=False))
        return [parse_document(key, by_key[key], now) for key in keys]

    async def query(
        self,
        collection: str,
        *,
        after: str = "",
        before: str | None = None,
        limit: int = 100,
        newest_first: bool = False,
    ) -> list[Document]:
        now, query_range = self._clock.now(), QueryRange(collection, after, before, newest_first)
        documents: list[Document] = []
        with translate_aws_errors():
            async with aclosing(query_pages(self._table, query_range, limit, now)) as pages:
                async for items in pages:
                    parsed = (
                        parse_document(DocumentKey(collection, id_of(item)), item, now) for item in items
                    )
                    documents += [document for document in parsed if document is not None]
                    if len(documents) >= limit:
                        break
        return documents[:limit]

    async def write(self, *writes: Write) -> None:
        if not writes:
            return
        documents, backoff = DocumentWrite(writes, self._clock.now(), token_hex(6)), WriteBackoff(self._clock)
        with translate_aws_errors():
            while True:
                try:
                    await self._table.write(*documents.actions())
                except ConditionsFailed as failure:
                    if documents.was_applied(failure.items):
                        return
                    await backoff.wait()
                except DynamoDBBusy:
                    await backoff.wait(busy=True)
                else:
                    return

    async def accounts(self, *names: str) -> list[Account]:
        with translate_aws_errors():
            return [cached.account for cached in await self._accounts.read(names)]

    async def reserve(self, reservation: Reservation) -> list[Account]:
        with translate_aws_errors():
            return await reserve(self._accounts, reservation)

    async def settle(self, settlement: Settlement) -> SettlementResult:
        with translate_aws_errors():
            return await settle(self._accounts, settlement)

    async def sweep(self, *accounts: str) -> int:
        with translate_aws_errors():
            return await self._accounts.sweep(accounts)

    async def warm(self) -> None:
        """Prepare the first operation as far as that needs neither network nor credentials."""
        await self._table.warm()

    async def aclose(self) -> None:
        """Wait for pending operations and close. Further operations raise StoreUnavailable."""
        await self._table.aclose()
