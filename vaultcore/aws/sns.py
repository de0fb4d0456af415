"""SNS: the one call that is made of it, through a client that is made when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, cast

from vaultcore.aws.clients import Aws, AwsError

if TYPE_CHECKING:
    from botocore.session import Session


class Sns:
    """A client of one topic's region. Raises AwsError. Blocks: call it in a thread."""

    def __init__(self, region: str, session: Callable[[], Session] | None = None) -> None:
        self._region, self._session = region, session or Aws().session
        self._lock = Lock()
        self._made: _Client | None = None

    def publish(
        self,
        topic: str,
        subject: str,
        text: str,
        attributes: Mapping[str, str | int | float],
        *,
        once: str | None = None,
    ) -> None:
        """Publish a text. With `once` to a FIFO topic, which drops what has that id already."""
        from botocore.exceptions import BotoCoreError, ClientError

        asked: dict[str, Any] = {
            "TopicArn": topic,
            "Subject": subject,
            "Message": text,
            "MessageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        }
        if once is not None:
            asked |= {"MessageDeduplicationId": once, "MessageGroupId": "vaultedge"}
        try:
            self._client().publish(**asked)
        except ClientError as error:
            raise AwsError("Publish", str(error.response["Error"].get("Code"))) from None
        except BotoCoreError as error:
            raise AwsError("Publish", type(error).__name__) from None

    def close(self) -> None:
        if self._made is not None:
            self._made.close()

    def _client(self) -> _Client:
        with self._lock:
            if self._made is None:
                from botocore.config import Config

                config = Config(
                    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
                )
                made = self._session().create_client("sns", region_name=self._region, config=config)
                self._made = cast(_Client, made)
            return self._made


def _attribute(value: str | float) -> dict[str, str]:
    if isinstance(value, bool):
        return {"DataType": "String", "StringValue": str(value).lower()}
    kind = "String" if isinstance(value, str) else "Number"
    return {"DataType": kind, "StringValue": str(value)}


class _Client(Protocol):
    def close(self) -> None: ...
    def publish(self, **asked: Any) -> object: ...
