"""DynamoDB calls, signed and sent by the gateway itself, and the meaning of their errors.

The calls need permissions on the table alone: GetItem, BatchGetItem, Query, PutItem, UpdateItem and
DeleteItem. A transaction needs the permissions of its actions. botocore is imported only if the environment
does not contain the region and the credentials.

API: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING, Literal

from vaultcore.aws.clients import AwsClients, AwsError
from vaultcore.aws.http_response import HttpResponse
from vaultcore.aws.keep_alive import NoResponse
from vaultcore.aws.process_access import find_access
from vaultcore.aws.process_credentials import CredentialsUnavailable
from vaultcore.aws.signed_requests import SignedRequests, error_code, parse_error
from vaultcore.clock import Clock, SystemClock
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

if TYPE_CHECKING:
    from botocore.session import Session

TARGET = "DynamoDB_20120810"  # the API's version
CONNECT_TIMEOUT, READ_TIMEOUT = 1.0, 2.0  # seconds
ATTEMPTS = 2  # per call
MAX_PAUSE = 0.5  # seconds before the second attempt, if DynamoDB has answered the first
MAX_CALLS = 32  # at the same time; further calls wait
MAX_WAIT = 8.0  # seconds that a call waits for others to end
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
IN_PROGRESS = frozenset({"TransactionInProgressException"})  # an earlier attempt of a transaction is running
CONFLICT = frozenset(
    {"TransactionConflict", "TransactionConflictException"}
)  # callers repeat these themselves
REPEATED = BUSY - CONFLICT | {"RequestTimeout"}  # once, after a pause

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode  # a quarter faster than dumps


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
        self.is_ambiguous = False  # an earlier attempt of this call may have made the condition false


class DynamoDBBusy(AwsError):
    """Another writer uses the same items, or DynamoDB throttles. This attempt wrote nothing."""


class DynamoDBNoAnswer(AwsError):
    """No response arrived. If `is_ambiguous`, the request may have been applied, or may be applied later."""


class DynamoDBClient:
    """Calls DynamoDB on the running event loop. Raises AwsError; DynamoDBBusy if a call may succeed later.

    A call without a response is repeated once, on a new connection and with the same ClientRequestToken. The
    second attempt may find what the first one wrote: then exceptions have `is_ambiguous` set.
    """

    def __init__(
        self,
        session: Callable[[], Session] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        """Region and credentials come from `environ`, otherwise from botocore's `session`."""
        self._session, self._environ = session or AwsClients().session, environ or {}
        self._clock, self._read_timeout = clock or SystemClock(), read_timeout
        self._lock = Lock()
        self._requests: SignedRequests | None = None
        self._pending, self._is_closed = 0, False
        self._drained: asyncio.Future[None] | None = None
        self._slots = asyncio.Semaphore(MAX_CALLS)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def clock_offset(self) -> float:
        """Return DynamoDB's time minus ours in seconds, within one second; 0.0 before the first answer."""
        return self._requests.server_clock.offset if self._requests is not None else 0.0

    def server_now(self) -> float:
        """Return DynamoDB's time within one second. It does not change when our clock is set."""
        return self._requests.server_now() if self._requests is not None else self._clock.now()

    def warm(self) -> None:
        """Find the endpoint and read the CA certificates, without network or credentials. Blocks."""
        self._signed_requests("warm")

    async def call(self, operation: str, request: Json, *, repeat: bool = True) -> Json:
        """Return the response of an operation, named as botocore's method: `get_item`.

        Without `repeat` there is one attempt, and the caller decides about another one. `ResponseMetadata`
        of the response has `RetryAttempts`, and `IsAmbiguous` if an attempt before it may have been applied.
        Raise ConditionsFailed, DynamoDBBusy, DynamoDBNoAnswer or AwsError.
        """
        await self._enter(operation)
        try:
            requests = self._requests
            if requests is None:
                requests = await asyncio.to_thread(self._signed_requests, operation)
            if operation == "transact_write_items" and "ClientRequestToken" not in request:
                request = {**request, "ClientRequestToken": token_hex(18)}
            body = _encode(request).encode()
            return await self._attempt(requests, operation, body, ATTEMPTS if repeat else 1)
        finally:
            self._leave()

    async def aclose(self) -> None:
        """Wait for pending calls and close the connections. Further calls raise AwsError."""
        self._is_closed = True
        if self._pending:
            self._drained = self._drained or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drained)
        if self._requests is not None:
            self._requests.close()

    async def _attempt(self, requests: SignedRequests, operation: str, body: bytes, attempts: int) -> Json:
        """Send a request until an answer is final or no attempt remains."""
        is_ambiguous, attempt = False, 0
        while True:
            attempt += 1
            outcome = await _send(requests, operation, body, fresh=is_ambiguous)
            if not isinstance(outcome, FailedAttempt):
                outcome["ResponseMetadata"] = {"RetryAttempts": attempt - 1, "IsAmbiguous": is_ambiguous}
                return outcome
            is_ambiguous |= outcome.is_ambiguous
            if outcome.is_final or attempt == attempts:
                outcome.error.is_ambiguous = is_ambiguous
                raise outcome.error from None
            if outcome.has_answer:
                await self._clock.sleep(self._clock.jitter() * MAX_PAUSE)

    async def _enter(self, operation: str) -> None:
        """Take one of the slots for calls. Raise AwsError."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._slots, self._pending = loop, asyncio.Semaphore(MAX_CALLS), 0
        slots = self._slots
        if not slots.locked():
            await slots.acquire()  # at once
        else:
            try:
                async with asyncio.timeout(MAX_WAIT):
                    await slots.acquire()
            except TimeoutError:
                raise AwsError(operation, "crowded") from None
        if self._is_closed:
            slots.release()
            raise AwsError(operation, "closed")
        self._pending += 1

    def _leave(self) -> None:
        self._slots.release()
        self._pending -= 1
        if not self._pending and self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _signed_requests(self, operation: str) -> SignedRequests:
        with self._lock:
            if self._requests is None:
                try:
                    access = find_access("dynamodb", self._environ, self._session, self._clock)
                except AwsError as error:
                    raise AwsError(operation, error.code) from None
                timeouts = {"connect": CONNECT_TIMEOUT, "read": self._read_timeout}
                self._requests = SignedRequests(access, "dynamodb", TARGET, self._clock, **timeouts)
            return self._requests


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """An attempt without success. Unless `is_final`, the same request may succeed."""

    error: AwsError | ConditionsFailed
    is_final: bool
    is_ambiguous: bool  # it may have been applied
    has_answer: bool = True


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

    async def write(self, *actions: WriteAction, repeat: bool = True) -> Json:
        """Apply all actions or none. Return the new item of a single Update, else {}.

        `repeat` as in `DynamoDBClient.call`. Raise ConditionsFailed or DynamoDBBusy.
        """
        common = {"TableName": self._name, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if len(actions) > 1:
            items = [{action.kind: {**common, **action.fields}} for action in actions]
            await self._client.call("transact_write_items", {"TransactItems": items}, repeat=repeat)
            return {}
        (action,) = actions
        request = {**common, **action.fields}
        if action.kind == "Update":
            request["ReturnValues"] = "ALL_NEW"
        response = await self._client.call(f"{action.kind.lower()}_item", request, repeat=repeat)
        return response.get("Attributes") or {}

    async def warm(self) -> None:
        """Find the endpoint and read the CA certificates, without network or credentials."""
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


async def _send(
    requests: SignedRequests, operation: str, body: bytes, *, fresh: bool
) -> Json | FailedAttempt:
    name = "".join([part.title() for part in operation.split("_")])
    try:
        response = await requests.post(name, body, fresh=fresh)
    except NoResponse as failure:
        return _no_answer(operation, failure.code, is_ambiguous=failure.is_sent)
    except CredentialsUnavailable as failure:
        return FailedAttempt(AwsError(operation, failure.code), is_final=True, is_ambiguous=False)
    checksum = response.headers.get("x-amz-crc32")
    if checksum is not None and checksum != str(zlib.crc32(response.body)):
        return _no_answer(operation, "ChecksumError", is_ambiguous=True)
    if response.status != 200:
        return _parse_failure(operation, response)
    try:
        parsed = json.loads(response.body)
    except ValueError:
        parsed = None
    return (
        parsed
        if isinstance(parsed, dict)
        else _no_answer(operation, "ResponseParserError", is_ambiguous=True)
    )


def _no_answer(operation: str, code: str, *, is_ambiguous: bool) -> FailedAttempt:
    error = DynamoDBNoAnswer(operation, code)
    return FailedAttempt(error, is_final=False, is_ambiguous=is_ambiguous, has_answer=False)


def _parse_failure(operation: str, response: HttpResponse) -> FailedAttempt:
    code = error_code(response)
    is_failure = response.status >= 500
    return FailedAttempt(
        _parse_error(operation, code, parse_error(response)),
        is_final=not (is_failure or code in REPEATED),
        is_ambiguous=is_failure or code in IN_PROGRESS,
    )


def _parse_error(operation: str, code: str, fields: Json) -> AwsError | ConditionsFailed:
    """Return the exception for an error response, without AWS's text, which may contain values."""
    if code == "ConditionalCheckFailedException":
        return ConditionsFailed({0: fields.get("Item") or {}})
    reasons = [dict(reason) for reason in fields.get("CancellationReasons") or ()]
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
