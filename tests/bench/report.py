"""The figures of a run as an aligned table: a row per figure, a column per target, their ratio last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Rounds = Mapping[str, Sequence[float]]  # what was seen of one target, by name, one value per round


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: what it is called, where it comes from, and how it is shown."""

    label: str
    name: str
    scale: float = 1.0
    less: str | None = None  # the name of what a direct request to the provider took: it is subtracted
    digits: int = 0


MILLI, MICRO = 1e3, 1e6
FIGURES = (
    Figure("start to first answer, wall ms", "start_wall", MILLI),
    Figure("start to first answer, CPU ms", "start_cpu", MILLI),
    Figure("memory at the first answer, MB", "start_memory"),
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
    Figure("memory after all that, MB", "memory"),
)


def values(figure: Figure, seen: Rounds, direct: Rounds) -> list[float]:
    """A figure of one target, round by round, in the unit it is shown in."""
    taken = seen.get(figure.name, ())
    if figure.less is None:
        return [value * figure.scale for value in taken]
    return [
        (value - away) * figure.scale for value, away in zip(taken, direct.get(figure.less, ()), strict=True)
    ]


def table(seen: Mapping[str, Rounds], direct: Rounds) -> Iterator[str]:
    """The lines of the table: medians, and the median of the rounds' own ratios to the first target."""
    names = list(seen)
    yield f"{'':<38}" + "".join(f"{name:>12}" for name in names) + f"{'ratio':>9}"
    for figure in FIGURES:
        columns = [values(figure, seen[name], direct) for name in names]
        if not all(columns):
            continue
        shown = "".join(f"{median(column):>12,.{figure.digits}f}" for column in columns)
        ratio = median(own / base for base, own in zip(columns[0], columns[-1], strict=True) if base > 0)
        yield f"{figure.label:<38}{shown}{ratio:>9.2f}"
