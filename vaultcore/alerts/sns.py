"""A sink that publishes notices to an SNS topic: a readable text, and the facts as attributes."""

from __future__ import annotations

import asyncio
import re
from typing import ClassVar

from vaultcore.alerts.notification import DeliveryFailed, Notification
from vaultcore.aws.clients import AwsError
from vaultcore.aws.sns import Sns
from vaultcore.errors import ConfigError

KEY = "VAULTEDGE_ALERT_TOPIC"
SUBJECT = 100  # characters that SNS takes, ASCII only
_ARN = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?", re.ASCII)


class SnsTopic:
    """A FIFO topic drops repeats by itself; subscribers of others have to, by the attribute `id`."""

    name: ClassVar[str] = "sns"

    def __init__(self, arn: str, sns: Sns, *, fifo: bool = False) -> None:
        self._arn, self._sns, self._fifo = arn, sns, fifo

    async def send(self, notice: Notification) -> None:
        """See `Sink`."""
        attributes = {name: value for name, value in notice.facts.items() if value != ""}  # SNS refuses ""
        once = notice.id if self._fifo else None
        try:
            await asyncio.to_thread(
                self._sns.publish, self._arn, _subject(notice.subject), notice.text, attributes, once=once
            )
        except AwsError as error:
            raise DeliveryFailed(error.code) from None


def topic(arn: str) -> SnsTopic:
    """The sink of a topic's ARN. Raises ConfigError."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise ConfigError("must be the ARN of an SNS topic", key=KEY)
    return SnsTopic(arn, Sns(found[1]), fifo=found[2] is not None)


def _subject(text: str) -> str:
    """As SNS takes it: one line of ASCII."""
    seen = text.encode("ascii", "replace").decode()
    return "".join(each if each.isprintable() else " " for each in seen)[:SUBJECT]
