"""Writes metrics as lines on stdout that CloudWatch reads: the Embedded Metric Format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

The dimensions are the providers of the catalog and the classes of errors. AWS charges for every combination
of a metric name and a dimension value, so both sets are bounded.
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
PROVIDER, CLASS = "Provider", "Class"  # dimensions; Class applies to Errors only

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Emf:
    """One per process. Counts are added to the next request's line, or written by `flush`."""

    def __init__(self, stream: TextIO, now: Callable[[], float], namespace: str = NAMESPACE) -> None:
        self._stream, self._now, self._namespace = stream, now, namespace
        self._counts: dict[str | None, dict[str, int]] = {}  # provider -> metric -> count

    def count(self, name: str, provider: str | None = None, by: int = 1) -> None:
        """Add `by` to a metric of type Count."""
        counts = self._counts.setdefault(provider, {})
        counts[name] = counts.get(name, 0) + by

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
        self._write_line(metrics, provider, error, {"request_id": request_id})
        self.flush()

    def flush(self) -> None:
        """Write the counts since the last line, if any."""
        while self._counts:
            provider, counts = self._counts.popitem()
            self._write_line(counts, provider, None, {})

    def _write_line(
        self,
        values: Mapping[str, float],
        provider: str | None,
        error: str | None,
        more: Mapping[str, str],
    ) -> None:
        names = tuple(name for name in UNITS if name in values)
        members: dict[str, object] = {**more, **values}
        if provider is not None:
            members[PROVIDER] = provider
        if error is not None:
            members[CLASS] = error
        directives = _directives(self._namespace, names, provider is not None, error is not None)
        head = f'{{"_aws":{{"Timestamp":{int(self._now() * 1_000)},"CloudWatchMetrics":{directives}}},'
        self._stream.write(f"{head}{_encode(members)[1:]}\n")
        self._stream.flush()


@lru_cache(maxsize=1_024)
def _directives(namespace: str, names: tuple[str, ...], has_provider: bool, has_class: bool) -> str:
    """Return the directives that tell which members are metrics, and their dimensions, as JSON."""
    groups = [
        ([[], [PROVIDER]] if has_provider else [[]], [name for name in names if name in BY_PROVIDER]),
        ([[]], [name for name in names if name not in BY_PROVIDER]),
        ([[CLASS]] if has_class else [], [name for name in names if name == "Errors"]),
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
