"""The results of a run as a table: one row per figure, one column per target, and their ratio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Rounds = Mapping[str, Sequence[float]]  # measurement -> one value per round


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: label, measurement, unit and format."""

    label: str
    name: str
    scale: float = 1.0
    less: str | None = None  # measurement of a direct request to the provider, which is subtracted
    digits: int = 0


MILLI, MICRO = 1e3, 1e6
FIGURES = (
    Figure("start to first response, wall ms", "start_wall", MILLI),
    Figure("start to first response, CPU ms", "start_cpu", MILLI),
    Figure("memory at the first response, MB", "start_memory"),
    Figure("added latency p50, µs", "latency_p50", MICRO, less="latency_p50"),
    Figure("added latency p95, µs", "latency_p95", MICRO, less="latency_p95"),
    Figure("added latency p99, µs", "latency_p99", MICRO, less="latency_p99"),
    Figure("requests/s, 1 connection", "rate_1"),
    Figure("requests/s, 16 connections", "rate_16"),
    Figure("requests/s, 64 connections", "rate_64"),
    Figure("CPU per request, 1 connection, µs", "cpu_1", MICRO),
    Figure("CPU per request, 16 connections, µs", "cpu_16", MICRO),
    Figure("CPU per request, 64 connections, µs", "cpu_64", MICRO),
    Figure("stream: first byte p50, µs", "first_p50", MICRO),
    Figure("stream: first byte p95, µs", "first_p95", MICRO),
    Figure("stream: CPU per 1,000 chunks, ms", "chunk_cpu", MILLI * 1_000, digits=1),
    Figure("memory at the end, MB", "memory"),
)


def values(figure: Figure, rounds: Rounds, direct: Rounds) -> list[float]:
    """Return a figure of one target per round, in the unit of the table."""
    raw = rounds.get(figure.name, ())
    if figure.less is None:
        return [value * figure.scale for value in raw]
    return [
        (value - base) * figure.scale for value, base in zip(raw, direct.get(figure.less, ()), strict=True)
    ]


def table(targets: Mapping[str, Rounds], direct: Rounds) -> Iterator[str]:
    """Yield the lines of the table: medians, and the median ratio of the last target to the first."""
    names = list(targets)
    yield f"{'':<38}" + "".join(f"{name:>12}" for name in names) + f"{'ratio':>9}"
    for figure in FIGURES:
        columns = [values(figure, targets[name], direct) for name in names]
        if not all(columns):
            continue
        cells = "".join(f"{median(column):>12,.{figure.digits}f}" for column in columns)
        ratio = median(own / base for base, own in zip(columns[0], columns[-1], strict=True) if base > 0)
        yield f"{figure.label:<38}{cells}{ratio:>9.2f}"
