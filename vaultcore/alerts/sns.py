"""A sink that publishes to an SNS topic: a readable text, and the facts as message attributes."""

from __future__ import annotations

import asyncio
import re
from typing import ClassVar

from vaultcore.alerts.notification import DeliveryFailed, Notification
from vaultcore.aws.clients import AwsError
from vaultcore.aws.sns import SnsClient
from vaultcore.errors import ConfigError

KEY = "VAULTEDGE_ALERT_TOPIC"
MAX_SUBJECT = 100  # characters, ASCII only: the limit of SNS
_ARN = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?", re.ASCII)


class SnsTopic:
    """A FIFO topic drops repeats itself; subscribers of other topics must, by the attribute `id`."""

    name: ClassVar[str] = "sns"

    def __init__(self, arn: str, sns: SnsClient, *, fifo: bool = False) -> None:
        self._arn, self._sns, self._fifo = arn, sns, fifo

    async def send(self, notification: Notification) -> None:
        """See `AlertSink`."""
        attributes = {
            name: value for name, value in notification.facts.items() if value != ""
        }  # SNS rejects ""
        deduplication_id = notification.id if self._fifo else None
        try:
            await asyncio.to_thread(
                self._sns.publish,
                self._arn,
                _subject(notification.subject),
                notification.text,
                attributes,
                deduplication_id=deduplication_id,
            )
        except AwsError as error:
            raise DeliveryFailed(error.code) from None


def sns_topic(arn: str) -> SnsTopic:
    """Return the sink of a topic's ARN. Raises ConfigError."""
    match = _ARN.fullmatch(arn)
    if match is None:
        raise ConfigError("must be the ARN of an SNS topic", key=KEY)
    return SnsTopic(arn, SnsClient(match[1]), fifo=match[2] is not None)


def _subject(text: str) -> str:
    """Return the subject as SNS accepts it: one line of ASCII."""
    ascii_text = text.encode("ascii", "replace").decode()
    return "".join(each if each.isprintable() else " " for each in ascii_text)[:MAX_SUBJECT]
