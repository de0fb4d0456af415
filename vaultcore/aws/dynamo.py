"""DynamoDB's calls, made in threads of their own, and what their failures mean.

The permissions that are needed are on the table alone: GetItem, BatchGetItem, Query, PutItem, UpdateItem and
DeleteItem; a transaction asks for those of its actions. Nothing is imported, and no thread started, before
the first call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Literal

from vaultcore.aws.clients import Aws, AwsError
from vaultcore.wire import Json

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.session import Session

CONNECT, PATIENCE = 1.0, 2.0  # seconds: to connect, and for an answer
ATTEMPTS, PAUSE = 2, 2.0  # and between them at most, in seconds
THREADS = 32  # calls at a time; further ones wait
MOST_KEYS = 100  # of one BatchGetItem
BATCHES = 4  # calls for what DynamoDB leaves out of a batch
BUSY = frozenset(  # nothing was done, and the same may be asked again
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
class Action:
    """One write of one item: `Put` has its Item, `Update` and `Delete` have its Key."""

    kind: Literal["Put", "Update", "Delete"]
    fields: Json = field(repr=False)


class ConditionsFailed(Exception):
    """Nothing was written. Of each action whose condition failed: its index, and the item ({}: none)."""

    def __init__(self, failed: Mapping[int, Json]) -> None:
        super().__init__("a condition does not hold")
        self.failed = failed


class Busy(AwsError):
    """Others write to the same items, or too much is asked at a time. Nothing was done."""


class Dynamo:
    """A client. Raises AwsError, and Busy where asking again may help.

    A call that got no answer is made once more; what its first attempt wrote, its second may find there.
    """

    def __init__(self, session: Callable[[], Session] | None = None, *, patience: float = PATIENCE) -> None:
        self._session, self._patience = session or Aws().session, patience
        self._lock = Lock()
        self._made: BaseClient | None = None
        self._threads = ThreadPoolExecutor(THREADS, "dynamodb")  # which start with the first calls

    def warm(self) -> None:
        """Import botocore and make the client. Needs neither network nor credentials. Blocks."""
        self._client()

    async def call(self, operation: str, asked: Json) -> Json:
        """The answer of an operation, which is named as botocore's clients do. Raises ConditionsFailed."""
        loop = asyncio.get_running_loop()
        try:
            running = loop.run_in_executor(self._threads, self.ask, operation, asked)
            async with asyncio.timeout(ATTEMPTS * (CONNECT + self._patience) + PAUSE):
                return await running
        except TimeoutError:  # all threads are waiting for answers, or it would have been told
            raise AwsError(operation, "crowded") from None
        except RuntimeError:  # which is how an executor says that it is closed
            raise AwsError(operation, "closed") from None

    def ask(self, operation: str, asked: Json) -> Json:
        """The same, in this thread."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Json = getattr(self._client(), operation)(**asked)
        except ClientError as error:
            raise _meaning(operation, dict(error.response)) from None
        except BotoCoreError as error:
            raise AwsError(operation, type(error).__name__) from None
        return answer

    async def aclose(self) -> None:
        """Wait for the calls on their way, and close the connections. Further calls are refused."""
        await asyncio.to_thread(self._threads.shutdown)
        if self._made is not None:
            self._made.close()

    def _client(self) -> BaseClient:
        with self._lock:
            if self._made is None:
                from botocore.config import Config

                config = Config(
                    connect_timeout=CONNECT,
                    read_timeout=self._patience,
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                    max_pool_connections=THREADS,
                    parameter_validation=False,  # it takes longer than making what it looks at
                    tcp_keepalive=True,
                )
                self._made = self._session().create_client("dynamodb", config=config)
            return self._made


class Table:
    """One table, whose keys are `pk` and `sk`. Reads are consistent."""

    def __init__(self, dynamo: Dynamo, name: str) -> None:
        self._dynamo, self._name = dynamo, name

    async def get(self, keys: Sequence[Json]) -> list[Json]:
        """The items of different keys, in their order; {} where there is none."""
        if len(keys) == 1:
            asked = {"TableName": self._name, "Key": keys[0], "ConsistentRead": True}
            return [(await self._dynamo.call("get_item", asked)).get("Item") or {}]
        found: list[Json] = []
        for start in range(0, len(keys), MOST_KEYS):
            found += await self._batch(keys[start : start + MOST_KEYS])
        items = {_identity(item): item for item in found}
        return [items.get(_identity(key)) or {} for key in keys]

    async def query(self, asked: Json) -> tuple[list[Json], Json | None]:
        """The items of one page, and the key after which the next one begins."""
        answer = await self._dynamo.call("query", {"TableName": self._name, "ConsistentRead": True, **asked})
        return answer["Items"], answer.get("LastEvaluatedKey")

    async def write(self, *actions: Action) -> Json:
        """All of them or none. Of an update that is alone: the item after it. Raises ConditionsFailed."""
        told = {"TableName": self._name, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if len(actions) > 1:
            items = [{action.kind: {**told, **action.fields}} for action in actions]
            await self._dynamo.call("transact_write_items", {"TransactItems": items})
            return {}
        (action,) = actions
        asked = {**told, **action.fields}
        if action.kind == "Update":
            asked["ReturnValues"] = "ALL_NEW"
        answer = await self._dynamo.call(f"{action.kind.lower()}_item", asked)
        return answer.get("Attributes") or {}

    async def warm(self) -> None:
        await asyncio.to_thread(self._dynamo.warm)

    async def aclose(self) -> None:
        await self._dynamo.aclose()

    async def _batch(self, keys: Sequence[Json]) -> list[Json]:
        found: list[Json] = []
        asked: Json = {self._name: {"Keys": list(keys), "ConsistentRead": True}}
        for _ in range(BATCHES):
            answer = await self._dynamo.call("batch_get_item", {"RequestItems": asked})
            found += answer["Responses"].get(self._name) or ()
            if not (asked := answer.get("UnprocessedKeys") or {}):
                return found
        raise Busy("batch_get_item", "UnprocessedKeys")


def _identity(item: Json) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _meaning(operation: str, response: Json) -> Exception:
    """The failure that a response tells of, without AWS's text."""
    code = str(response["Error"].get("Code"))
    if code == "ConditionalCheckFailedException":
        return ConditionsFailed({0: response.get("Item") or {}})
    reasons = [dict(reason) for reason in response.get("CancellationReasons") or ()]
    failed = {
        index: reason.get("Item") or {}
        for index, reason in enumerate(reasons)
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    if failed:
        return ConditionsFailed(failed)
    codes = [str(told) for reason in reasons if (told := reason.get("Code")) not in (None, "None")]
    if codes and BUSY.issuperset(codes):
        return Busy(operation, codes[0])
    if code in BUSY:
        return Busy(operation, code)
    return AwsError(operation, ",".join(dict.fromkeys(codes)) or code)
