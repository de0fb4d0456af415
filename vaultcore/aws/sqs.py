"""A queue of SQS: sends, receives and deletes messages, signed and sent by the gateway itself.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from vaultcore.aws.clients import AwsClients, AwsError
from vaultcore.aws.keep_alive import NoResponse
from vaultcore.aws.process_access import find_access
from vaultcore.aws.process_credentials import CredentialsUnavailable
from vaultcore.aws.signed_requests import SignedRequests, error_code
from vaultcore.clock import Clock
from vaultcore.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from botocore.session import Session

CONNECT_TIMEOUT, READ_TIMEOUT = 1.0, 2.0  # seconds
ATTEMPTS = 2  # per call; a message that is sent twice arrives twice
MAX_MESSAGES = 10  # per call: the maximum of SQS


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A received message. It returns to the queue unless it is deleted by its receipt."""

    text: str
    receipt: str = field(repr=False)


class SqsQueue:
    """A standard queue, by its URL. Raises AwsError."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        environ: Mapping[str, str] | None = None,
        session: Callable[[], Session] | None = None,
    ) -> None:
        """Region and credentials come from `environ`, otherwise from botocore's `session`."""
        self._url, self._clock = url, clock
        self._environ, self._session = environ or {}, session or AwsClients().session
        self._requests: SignedRequests | None = None

    async def send(self, text: str) -> None:
        """Send a message of up to 262,144 bytes."""
        await self._call("SendMessage", MessageBody=text)

    async def receive(self) -> list[QueuedMessage]:
        """Return up to MAX_MESSAGES messages, which are hidden from other receivers for a while."""
        response = await self._call("ReceiveMessage", MaxNumberOfMessages=MAX_MESSAGES)
        messages = response.get("Messages") or ()
        return [QueuedMessage(str(each["Body"]), str(each["ReceiptHandle"])) for each in messages]

    async def delete(self, message: QueuedMessage) -> None:
        await self._call("DeleteMessage", ReceiptHandle=message.receipt)

    def close(self) -> None:
        """Close the connections."""
        if self._requests is not None:
            self._requests.close()

    async def _call(self, operation: str, **fields: object) -> dict[str, Any]:
        if self._requests is None:
            access = await asyncio.to_thread(find_access, "sqs", self._environ, self._session, self._clock)
            timeouts = {"connect": CONNECT_TIMEOUT, "read": READ_TIMEOUT}
            self._requests = SignedRequests(access, "sqs", "AmazonSQS", self._clock, **timeouts)
        body = json.dumps({"QueueUrl": self._url, **fields}).encode()
        code = ""
        for attempt in range(ATTEMPTS):
            try:
                response = await self._requests.post(operation, body, fresh=attempt > 0)
            except NoResponse as error:
                code = error.code
                continue
            except CredentialsUnavailable as error:
                raise AwsError(operation, error.code) from None
            if response.status == 200:
                return dict(json.loads(response.body or b"{}"))
            code = error_code(response)
            if response.status < 500:
                break
        raise AwsError(operation, code)
