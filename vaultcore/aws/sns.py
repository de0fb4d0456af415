"""Publishes to an SNS topic, with a client that is created when it is first used.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from vaultcore.aws.clients import AwsClients, AwsError
from vaultcore.casts import cast

if TYPE_CHECKING:
    from botocore.session import Session


class SnsClient:
    """A client for one region. Raises AwsError. Blocks: call it in a thread."""

    def __init__(self, region: str, session: Callable[[], Session] | None = None) -> None:
        self._region, self._session = region, session or AwsClients().session
        self._lock = Lock()
        self._client: _BotoClient | None = None

    def publish(
        self,
        topic: str,
        subject: str,
        text: str,
        attributes: Mapping[str, str | int | float],
        *,
        deduplication_id: str | None = None,
    ) -> None:
        """Publish a text. `deduplication_id` is for a FIFO topic, which drops a repeated ID."""
        from botocore.exceptions import BotoCoreError, ClientError

        request: dict[str, Any] = {
            "TopicArn": topic,
            "Subject": subject,
            "Message": text,
            "MessageAttributes": {name: _render_attribute(value) for name, value in attributes.items()},
        }
        if deduplication_id is not None:
            request |= {"MessageDeduplicationId": deduplication_id, "MessageGroupId": "vaultedge"}
        try:
            self._boto_client().publish(**request)
        except ClientError as error:
            raise AwsError("Publish", str(error.response["Error"].get("Code"))) from None
        except BotoCoreError as error:
            raise AwsError("Publish", type(error).__name__) from None

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()

    def _boto_client(self) -> _BotoClient:
        with self._lock:
            if self._client is None:
                from botocore.config import Config

                config = Config(
                    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
                )
                client = self._session().create_client("sns", region_name=self._region, config=config)
                self._client = cast(_BotoClient, client)
            return self._client


def _render_attribute(value: str | float) -> dict[str, str]:
    if isinstance(value, bool):
        return {"DataType": "String", "StringValue": str(value).lower()}
    kind = "String" if isinstance(value, str) else "Number"
    return {"DataType": kind, "StringValue": str(value)}


class _BotoClient(Protocol):
    def close(self) -> None: ...
    def publish(self, **request: Any) -> object: ...
