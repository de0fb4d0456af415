"""Metrics as lines on stdout that CloudWatch reads: the Embedded Metric Format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
Dimensions are few, and bounded: the providers of the catalog, and the classes of errors. Every combination of
a name and a dimension's value is a metric that its account pays for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TextIO

NAMESPACE = "VaultEdge"
UNITS: Mapping[str, str] = {
    "Requests": "Count",
    "Errors": "Count",
    "AllProvidersFailed": "Count",
    "Fallbacks": "Count",
    "Attempts": "Count",
    "Tokens": "Count",
    "CostUsd": "None",
    "TimeToFirstToken": "Milliseconds",
    "Overhead": "Milliseconds",
    "BreakerOpen": "Count",
    "Throttles": "Count",
    "CreditsLow": "Count",
    "StoreErrors": "Count",
}
BY_PROVIDER = frozenset(
    {"Requests", "Errors", "Fallbacks", "Attempts", "Tokens", "CostUsd", "TimeToFirstToken", "BreakerOpen"}
)
PROVIDER, CLASS = "Provider", "Class"  # dimensions; the second is for Errors

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Emf:
    """One per process. What is counted between two lines goes out with the next of them, or with `flush`."""

    def __init__(self, stream: TextIO, now: Callable[[], float], namespace: str = NAMESPACE) -> None:
        self._stream, self._now, self._namespace = stream, now, namespace
        self._counted: dict[str | None, dict[str, int]] = {}  # by provider

    def count(self, name: str, provider: str | None = None, by: int = 1) -> None:
        """Note that something has happened."""
        counted = self._counted.setdefault(provider, {})
        counted[name] = counted.get(name, 0) + by

    def write(
        self, values: Mapping[str, float], provider: str | None, error: str | None, request_id: str
    ) -> None:
        """A request's line: `provider` is who was asked last, `error` the class of its failure.

        Whatever was counted of other providers follows, in a line for each.
        """
        told = dict(values)
        for whose in dict.fromkeys((None, provider)):
            for name, number in self._counted.pop(whose, {}).items():
                told[name] = told.get(name, 0) + number
        self._line(told, provider, error, {"request_id": request_id})
        self.flush()

    def flush(self) -> None:
        """Write what has been counted since the last line, if there is anything."""
        while self._counted:
            provider, counted = self._counted.popitem()
            self._line(counted, provider, None, {})

    def _line(
        self,
        values: Mapping[str, float],
        provider: str | None,
        error: str | None,
        more: Mapping[str, str],
    ) -> None:
        names = tuple(name for name in UNITS if name in values)
        told: dict[str, object] = {**more, **values}
        if provider is not None:
            told[PROVIDER] = provider
        if error is not None:
            told[CLASS] = error
        directives = _directives(self._namespace, names, provider is not None, error is not None)
        head = f'{{"_aws":{{"Timestamp":{int(self._now() * 1_000)},"CloudWatchMetrics":{directives}}},'
        self._stream.write(f"{head}{_encode(told)[1:]}\n")
        self._stream.flush()


@lru_cache(maxsize=1_024)
def _directives(namespace: str, names: tuple[str, ...], provided: bool, classed: bool) -> str:
    """What of a line is a metric, and by which dimensions, as JSON."""
    groups = [
        ([[], [PROVIDER]] if provided else [[]], [name for name in names if name in BY_PROVIDER]),
        ([[]], [name for name in names if name not in BY_PROVIDER]),
        ([[CLASS]] if classed else [], [name for name in names if name == "Errors"]),
    ]
    return _encode(
        [
            {
                "Namespace": namespace,
                "Dimensions": dimensions,
                "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in metrics],
            }
            for dimensions, metrics in groups
            if dimensions and metrics
        ]
    )
