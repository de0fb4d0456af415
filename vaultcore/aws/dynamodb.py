"""DynamoDB calls, made in threads of their own, and the meaning of their errors.

The calls need permissions on the table alone: GetItem, BatchGetItem, Query, PutItem, UpdateItem and
DeleteItem. A transaction needs the permissions of its actions. The first call imports botocore and starts
threads.

API: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Literal

from vaultcore.aws.clients import AwsClients, AwsError
from vaultcore.wire import Json

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.session import Session

CONNECT_TIMEOUT, READ_TIMEOUT = 1.0, 2.0  # seconds
ATTEMPTS, MAX_PAUSE = 2, 2.0  # attempts per call, and seconds between them
THREADS = 32  # concurrent calls; further calls wait
MAX_BATCH_KEYS = 100  # of one BatchGetItem: DynamoDB's limit
MAX_BATCH_CALLS = 4  # for keys that DynamoDB returns as UnprocessedKeys
BUSY = frozenset(  # error codes after which nothing was written and the same call may succeed
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


@dataclass(frozen=True, slots=True)
class WriteAction:
    """One write of one item: the fields of a `Put`, `Update` or `Delete` action without TableName."""

    kind: Literal["Put", "Update", "Delete"]
    fields: Json = field(repr=False)


class ConditionsFailed(Exception):
    """A condition was false and nothing was written.

    `items` maps the index of each action whose condition was false to its current item; {} if none exists.
    """

    def __init__(self, items: Mapping[int, Json]) -> None:
        super().__init__("a condition is false")
        self.items = items


class DynamoDBBusy(AwsError):
    """Another writer uses the same items, or DynamoDB throttles. Nothing was written."""


class DynamoDBClient:
    """Calls DynamoDB. Raises AwsError, and DynamoDBBusy if the same call may succeed later.

    A call without a response is repeated once. The second attempt may find what the first one wrote.
    """

    def __init__(
        self, session: Callable[[], Session] | None = None, *, read_timeout: float = READ_TIMEOUT
    ) -> None:
        self._session, self._read_timeout = session or AwsClients().session, read_timeout
        self._lock = Lock()
        self._client: BaseClient | None = None
        self._executor = ThreadPoolExecutor(THREADS, "dynamodb")  # starts its threads with the first calls

    def warm(self) -> None:
        """Import botocore and create the client, without network or credentials. Blocks."""
        self._boto_client()

    async def call(self, operation: str, request: Json) -> Json:
        """Return the response of an operation, named as botocore's method: `get_item`.

        Raise ConditionsFailed, DynamoDBBusy or AwsError.
        """
        loop = asyncio.get_running_loop()
        try:
            future = loop.run_in_executor(self._executor, self.call_blocking, operation, request)
            async with asyncio.timeout(ATTEMPTS * (CONNECT_TIMEOUT + self._read_timeout) + MAX_PAUSE):
                return await future
        except TimeoutError:  # every thread waits for a response, else botocore would have timed out
            raise AwsError(operation, "crowded") from None
        except RuntimeError:  # the executor is shut down
            raise AwsError(operation, "closed") from None

    def call_blocking(self, operation: str, request: Json) -> Json:
        """Do the same in this thread."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            response: Json = getattr(self._boto_client(), operation)(**request)
        except ClientError as error:
            raise _parse_error(operation, dict(error.response)) from None
        except BotoCoreError as error:
            raise AwsError(operation, type(error).__name__) from None
        return response

    async def aclose(self) -> None:
        """Wait for pending calls and close the connections. Further calls raise AwsError."""
        await asyncio.to_thread(self._executor.shutdown)
        if self._client is not None:
            self._client.close()

    def _boto_client(self) -> BaseClient:
        with self._lock:
            if self._client is None:
                from botocore.config import Config

                config = Config(
                    connect_timeout=CONNECT_TIMEOUT,
                    read_timeout=self._read_timeout,
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                    max_pool_connections=THREADS,
                    parameter_validation=False,  # it takes longer than creating the request
                    tcp_keepalive=True,
                )
                self._client = self._session().create_client("dynamodb", config=config)
            return self._client


class DynamoDBTable:
    """One table with the keys `pk` and `sk`. Reads are strongly consistent."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client, self._name = client, name

    async def get(self, keys: Sequence[Json]) -> list[Json]:
        """Return the items with these keys, all different, in the same order; {} for a missing item."""
        if len(keys) == 1:
            request = {"TableName": self._name, "Key": keys[0], "ConsistentRead": True}
            return [(await self._client.call("get_item", request)).get("Item") or {}]
        items: list[Json] = []
        for start in range(0, len(keys), MAX_BATCH_KEYS):
            items += await self._get_batch(keys[start : start + MAX_BATCH_KEYS])
        by_key = {_identity(item): item for item in items}
        return [by_key.get(_identity(key)) or {} for key in keys]

    async def query(self, request: Json) -> tuple[list[Json], Json | None]:
        """Return the items of one page, and the ExclusiveStartKey of the next one."""
        request = {"TableName": self._name, "ConsistentRead": True, **request}
        response = await self._client.call("query", request)
        return response["Items"], response.get("LastEvaluatedKey")

    async def write(self, *actions: WriteAction) -> Json:
        """Apply all actions or none. Return the new item of a single Update, else {}.

        Raise ConditionsFailed or DynamoDBBusy.
        """
        common = {"TableName": self._name, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if len(actions) > 1:
            items = [{action.kind: {**common, **action.fields}} for action in actions]
            await self._client.call("transact_write_items", {"TransactItems": items})
            return {}
        (action,) = actions
        request = {**common, **action.fields}
        if action.kind == "Update":
            request["ReturnValues"] = "ALL_NEW"
        response = await self._client.call(f"{action.kind.lower()}_item", request)
        return response.get("Attributes") or {}

    async def warm(self) -> None:
        """Import botocore and create the client, without network or credentials."""
        await asyncio.to_thread(self._client.warm)

    async def aclose(self) -> None:
        """Wait for pending calls and close the connections."""
        await self._client.aclose()

    async def _get_batch(self, keys: Sequence[Json]) -> list[Json]:
        items: list[Json] = []
        requested: Json = {self._name: {"Keys": list(keys), "ConsistentRead": True}}
        for _ in range(MAX_BATCH_CALLS):
            response = await self._client.call("batch_get_item", {"RequestItems": requested})
            items += response["Responses"].get(self._name) or ()
            if not (requested := response.get("UnprocessedKeys") or {}):
                return items
        raise DynamoDBBusy("batch_get_item", "UnprocessedKeys")


def _identity(item: Json) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _parse_error(operation: str, response: Json) -> Exception:
    """Return the exception for an error response, without AWS's text, which may contain values."""
    code = str(response["Error"].get("Code"))
    if code == "ConditionalCheckFailedException":
        return ConditionsFailed({0: response.get("Item") or {}})
    reasons = [dict(reason) for reason in response.get("CancellationReasons") or ()]
    items = {
        index: reason.get("Item") or {}
        for index, reason in enumerate(reasons)
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    if items:
        return ConditionsFailed(items)
    codes = [str(value) for reason in reasons if (value := reason.get("Code")) not in (None, "None")]
    if codes and BUSY.issuperset(codes):
        return DynamoDBBusy(operation, codes[0])
    if code in BUSY:
        return DynamoDBBusy(operation, code)
    return AwsError(operation, ",".join(dict.fromkeys(codes)) or code)
