"""A store in one DynamoDB table, for any number of processes. `items` defines what the table contains.

The table's keys are `pk` and `sk`, both texts. Its TTL attribute is `exp`. `vaultcore.aws.dynamodb` lists the
permissions. DynamoDB limits an ID to 1,023 bytes, a collection's name to 2,046, and a document to 400 KB with
its key.

The life of a reservation, at each of its levels:

    reserve                        settle                            end of the bucket
       │                             │                                 │
    ───┼─────────────────────────────┼─────────────────────────────────┼───────▶ time
       │ bucket += maximum           │ write the record                │
       │ held += maximum             │ bucket -= maximum               │
       │                             │ held += charge - maximum        │
       │                             │ used += charge                  │

    reserve               end of the bucket   sweep, or another reserve    late settle
       │                         │               │                           │
    ───┼─────────────────────────┼───────────────┼───────────────────────────┼───▶ time
       │ bucket += maximum       │               │ held -= bucket            │ write the record
       │ held += maximum         │               │ remove the bucket         │ held += charge
       │                         │               │                           │ used += charge

`maximum` is what the lease holds of tokens and money: the most that the request can use. A bucket holds all
leases that end in the same interval. Each step is an update of one item, whose mark prevents that it is
applied twice. No transaction is needed, so that requests do not conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from secrets import token_hex

from vaultcore.aws.dynamodb import ConditionsFailed, DynamoDBBusy, DynamoDBClient, DynamoDBTable
from vaultcore.clock import Clock
from vaultcore.limits.account import Account
from vaultcore.limits.reservation import Reservation, ReservationResult
from vaultcore.store.base import Document, DocumentKey, Settlement, SettlementResult, Write
from vaultcore.store.dynamodb.account_item import account_key
from vaultcore.store.dynamodb.accounts import AccountTable
from vaultcore.store.dynamodb.contention import WriteBackoff, translate_aws_errors
from vaultcore.store.dynamodb.documents import DocumentWrite, QueryRange
from vaultcore.store.dynamodb.items import document_key, parse_document, previous_document_key
from vaultcore.store.dynamodb.merged_query import query_merged
from vaultcore.store.dynamodb.recovery import complete_settlements
from vaultcore.store.dynamodb.reservations import reserve
from vaultcore.store.dynamodb.settlements import settle
from vaultcore.store.dynamodb.shards import BUSY_RATE
from vaultcore.store.store_time import MachineTime
from vaultcore.wire import Json


class DynamoDBStore:
    """Documents and accounts in one table. The first operation connects."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        clock: Clock,
        *,
        server_now: Callable[[], float] | None = None,
        busy_rate: float = BUSY_RATE,
    ) -> None:
        """`server_now` returns DynamoDB's time; without it, the time of this machine counts."""
        self._table, self._clock = DynamoDBTable(client, table), clock
        self._now = server_now or MachineTime.start(clock).now
        self._accounts = AccountTable(self._table, clock, self.now, busy_rate)

    async def get(self, *keys: DocumentKey, prefetch: Sequence[str] = ()) -> list[Document | None]:
        if not keys:
            return []
        unique = list(dict.fromkeys(keys))
        uncached = [name for name in dict.fromkeys(prefetch) if self._accounts.cached(name) is None]
        table_keys = [*(document_key(key) for key in unique), *(account_key(name) for name in uncached)]
        with translate_aws_errors():
            items = await self._table.get(table_keys)
            by_key = await self._with_previous(dict(zip(unique, items, strict=False)))
        for name, item in zip(uncached, items[len(unique) :], strict=True):
            self._accounts.cache(name, item)
        now = self._clock.now()
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
        with translate_aws_errors():
            return await query_merged(self._table, query_range, limit, now)

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
            return await self._accounts.get(names)

    def now(self) -> float:
        return self._now()

    async def reserve(self, reservation: Reservation) -> ReservationResult:
        with translate_aws_errors():
            return await reserve(self._accounts, reservation)

    async def settle(self, settlement: Settlement) -> SettlementResult:
        with translate_aws_errors():
            return await settle(self._accounts, settlement)

    async def sweep(self, *accounts: str) -> int:
        with translate_aws_errors():
            return sum([await self._accounts.sweep(name) for name in accounts])

    async def complete_settlements(self, since: float, until: float) -> int:
        with translate_aws_errors():
            return await complete_settlements(self._accounts, since, until)

    async def warm(self) -> None:
        """Prepare the first operation as far as that needs neither network nor credentials."""
        await self._table.warm()

    async def aclose(self) -> None:
        """Wait for pending operations and close. Further operations raise StoreUnavailable."""
        await self._table.aclose()

    async def _with_previous(self, items: dict[DocumentKey, Json]) -> dict[DocumentKey, Json]:
        """Return the items, with the records that versions before 0.3 stored under another key."""
        keys = {key: previous_document_key(key) for key, item in items.items() if not item}
        previous = {key: each for key, each in keys.items() if each is not None}
        if not previous:
            return items
        return items | dict(zip(previous, await self._table.get([*previous.values()]), strict=True))
