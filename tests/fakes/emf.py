"""Validates and parses lines in CloudWatch's Embedded Metric Format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

UNITS = {"Count", "Milliseconds", "None"}  # the units that the gateway uses


@dataclass(frozen=True)
class Metric:
    name: str
    value: float
    dimensions: tuple[tuple[str, str], ...]


def metrics(text: str) -> list[Metric]:
    """Return the metrics of all EMF lines, once per set of dimensions."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [metric for line in lines if "_aws" in line for metric in read(line)]


def total(metrics: Iterable[Metric], name: str, **dimensions: str) -> float:
    """Return the sum of a metric with exactly these dimensions."""
    expected = tuple(sorted(dimensions.items()))
    return sum(metric.value for metric in metrics if metric.name == name and metric.dimensions == expected)


def read(line: dict[str, Any]) -> Iterable[Metric]:
    """Yield the metrics of one line; fail if CloudWatch would not accept it."""
    head = line["_aws"]
    assert set(head) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(head["Timestamp"], int)
    assert head["Timestamp"] >= 0
    assert len(json.dumps(line)) < 1 << 18
    assert head["CloudWatchMetrics"]
    counted = set()
    for directive in head["CloudWatchMetrics"]:
        for metric in _read_directive(directive, line):
            assert (metric.name, metric.dimensions) not in counted, "counted twice"
            counted.add((metric.name, metric.dimensions))
            yield metric


def _read_directive(directive: dict[str, Any], line: dict[str, Any]) -> Iterable[Metric]:
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert 1 <= len(directive["Namespace"]) <= 1024
    assert len(directive["Dimensions"]) >= 1
    assert 1 <= len(directive["Metrics"]) <= 100
    for names in directive["Dimensions"]:
        assert len(names) <= 30
        assert all(isinstance(line[name], str) and 1 <= len(line[name]) <= 1024 for name in names)
        dimensions = tuple(sorted((name, line[name]) for name in names))
        for metric in directive["Metrics"]:
            assert set(metric) == {"Name", "Unit"}
            assert metric["Unit"] in UNITS
            value = line[metric["Name"]]
            assert isinstance(value, int | float)
            assert not isinstance(value, bool)
            yield Metric(metric["Name"], value, dimensions)
