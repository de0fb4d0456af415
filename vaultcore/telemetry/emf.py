"""Writes metrics as lines on stdout that CloudWatch reads: the Embedded Metric Format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

The dimensions are the providers of the catalog, the classes of errors, and the reasons why a store is
unavailable. AWS charges for every combination of a metric name and a dimension value, so these sets are
bounded.
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
    "ImplausibleUsage": "Count",
    "SettlementsOwed": "Count",
    "SettlementsPending": "Count",
}
BY_PROVIDER = frozenset(
    {"Requests", "Errors", "Fallbacks", "Attempts", "Tokens", "CostUsd", "TimeToFirstToken", "BreakerOpen"}
)
BY_REASON = frozenset({"StoreErrors", "SettlementsOwed"})
PROVIDER, CLASS = "Provider", "Class"  # dimensions; Class applies to Errors only
REASON = "Reason"  # dimension: why the store was unavailable

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Emf:
    """One per process. Counts are added to the next request's line, or written by `flush`."""

    def __init__(self, stream: TextIO, now: Callable[[], float], namespace: str = NAMESPACE) -> None:
        self._stream, self._now, self._namespace = stream, now, namespace
        self._counts: dict[str | None, dict[str, int]] = {}  # provider -> metric -> count
        self._by_reason: dict[str, dict[str, int]] = {}  # reason -> metric -> count

    def count(self, name: str, provider: str | None = None, by: int = 1) -> None:
        """Add `by` to a metric of type Count."""
        counts = self._counts.setdefault(provider, {})
        counts[name] = counts.get(name, 0) + by

    def count_reason(self, name: str, reason: str) -> None:
        """Add 1 to a metric of BY_REASON."""
        counts = self._by_reason.setdefault(reason, {})
        counts[name] = counts.get(name, 0) + 1

    def report(self, name: str, value: float) -> None:
        """Write the present value of something that is not a sum of events."""
        self._write_line({name: value}, {})

    def write(
        self, values: Mapping[str, float], provider: str | None, error: str | None, request_id: str
    ) -> None:
        """Write a request's line, then one line for each other provider with counts.

        `provider` is the provider of the last attempt, `error` the class of the failure.
        """
        metrics = dict(values)
        for source in dict.fromkeys((None, provider)):
            for name, number in self._counts.pop(source, {}).items():
                metrics[name] = metrics.get(name, 0) + number
        dimensions = {PROVIDER: provider, CLASS: error}
        self._write_line(metrics, dimensions, request_id=request_id)
        self.flush()

    def flush(self) -> None:
        """Write the counts since the last line, if any."""
        while self._counts:
            provider, counts = self._counts.popitem()
            self._write_line(counts, {PROVIDER: provider})
        while self._by_reason:
            reason, counts = self._by_reason.popitem()
            self._write_line(counts, {REASON: reason})

    def _write_line(
        self, values: Mapping[str, float], dimensions: Mapping[str, str | None], **more: str
    ) -> None:
        names = tuple(name for name in UNITS if name in values)
        present = {name: value for name, value in dimensions.items() if value is not None}
        directives = _directives(self._namespace, names, tuple(present))
        head = f'{{"_aws":{{"Timestamp":{int(self._now() * 1_000)},"CloudWatchMetrics":{directives}}},'
        self._stream.write(f"{head}{_encode({**more, **values, **present})[1:]}\n")
        self._stream.flush()


@lru_cache(maxsize=1_024)
def _directives(namespace: str, names: tuple[str, ...], dimensions: tuple[str, ...]) -> str:
    """Return the directives that tell which members are metrics, and their dimensions, as JSON."""
    split = next((each for each in dimensions if each != CLASS), None)
    metrics = BY_REASON if split == REASON else BY_PROVIDER
    groups = [
        ([[], [split]] if split else [[]], [name for name in names if name in metrics]),
        ([[]], [name for name in names if name not in metrics]),
        ([[CLASS]] if CLASS in dimensions else [], [name for name in names if name == "Errors"]),
    ]
    return _encode(
        [
            {
                "Namespace": namespace,
                "Dimensions": sets,
                "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in named],
            }
            for sets, named in groups
            if sets and named
        ]
    )
