"""Notifications about limits, and the interface of the sinks that deliver them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from vaultcore.admission.limit_errors import LIMITS
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import Json

FACTS = ("id", "at", "level", "name", "limit", "percent", "period", "used", "most", "unit")


@dataclass(frozen=True, slots=True)
class Notification:
    """An alert as it is delivered. Repeated deliveries of one alert are identical, its id included."""

    id: str
    at: float  # when the threshold was crossed, seconds since the epoch
    subject: str
    text: str
    facts: Mapping[str, str | int | float]


class DeliveryFailed(Exception):
    """A sink did not accept a notification. `reason` is a status or a class, never an address or a secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AlertSink(Protocol):
    """Delivers notifications."""

    @property
    def name(self) -> str: ...

    async def send(self, notification: Notification) -> None:
        """Deliver a notification within a few seconds. Raises DeliveryFailed."""
        ...


def build_notification(alert: Json) -> Notification:
    """Return the notification for an alert's document, which `admission.settlement.alert` has written."""
    owner = "the gateway" if alert["level"] == "gateway" else f"{alert['level']} {alert['name']}"
    limit = LIMITS[alert["limit"]]
    period = f" of {alert['period']}" if alert["limit"] in {"day", "month"} else ""
    text, amount = f"{owner} has used {alert['percent']} % of its {limit}", alert["used"]
    refused = alert.get("refused", False)  # absent from older documents
    if refused:
        text, amount = f"{owner} was refused: not enough {limit} remaining", _remaining(alert)
    return Notification(
        id=alert["id"],
        at=alert["at"],
        subject=f"VaultEdge: {text}",
        text=f"{text}{period}: {amount} of {alert['most']} {alert['unit']}",
        facts={**{name: alert[name] for name in FACTS}, "refused": refused},
    )


def _remaining(alert: Json) -> str:
    return f"{max(Decimal(0), Decimal(alert['most']) - Decimal(alert['used'])):f}"
