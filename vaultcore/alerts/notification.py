"""What is said of a mark that was passed, and what can carry it: the vocabulary of alerts and their sinks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from vaultcore.admission.grant import LIMITS
from vaultcore.wire import Json

FACTS = ("id", "at", "level", "name", "limit", "percent", "period", "used", "most", "unit")


@dataclass(frozen=True, slots=True)
class Notification:
    """An alert as it is sent: always the same for the same alert, so that repeats can be told by their id."""

    id: str
    at: float  # when the mark was passed, seconds since 1970
    subject: str
    text: str
    facts: Mapping[str, str | int | float]


class DeliveryFailed(Exception):
    """A sink did not take a notice. The reason names a status or a class, never an address or a secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AlertSink(Protocol):
    @property
    def name(self) -> str: ...

    async def send(self, notice: Notification) -> None:
        """Hand it over, within a few seconds. Raises Undelivered."""
        ...


def notice(alert: Json) -> Notification:
    """What is told of an alert's document (gate/receipt.py)."""
    whose = "the gateway" if alert["level"] == "gateway" else f"{alert['level']} {alert['name']}"
    limit = LIMITS[alert["limit"]]
    dated = f" of {alert['period']}" if alert["limit"] in {"day", "month"} else ""
    said, amount = f"{whose} has used {alert['percent']} % of its {limit}", alert["used"]
    refused = alert.get("refused", False)  # older documents do not say
    if refused:
        said, amount = f"{whose} was refused: too little is left of its {limit}", _left(alert)
    return Notification(
        id=alert["id"],
        at=alert["at"],
        subject=f"VaultEdge: {said}",
        text=f"{said}{dated}: {amount} of {alert['most']} {alert['unit']}",
        facts={**{name: alert[name] for name in FACTS}, "refused": refused},
    )


def _left(alert: Json) -> str:
    return f"{max(Decimal(0), Decimal(alert['most']) - Decimal(alert['used'])):f}"
