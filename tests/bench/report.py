"""The results of a run as a table: one row per figure, one column per target."""

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


MILLI = 1e3
FIGURES = (
    Figure("added latency p50, 1 connection, ms", "latency_1", MILLI, less="latency_1", digits=2),
    Figure("added latency p99, 1 connection, ms", "p99_1", MILLI, less="p99_1", digits=2),
    Figure("CPU per request, 1 connection, ms", "cpu_1", MILLI, digits=2),
    Figure("CPU per request, 16 connections, ms", "cpu_16", MILLI, digits=2),
    Figure("requests/s, 16 connections", "rate_16"),
    Figure("requests/s, 64 connections", "rate_64"),
    Figure("p99, 16 connections, ms", "p99_16", MILLI, digits=1),
    Figure("OpenAI to Anthropic, added p50, ms", "latency_anthropic", MILLI, less="latency_1", digits=2),
    Figure("stream: first byte p50, ms", "first_p50", MILLI, digits=2),
    Figure("stream: CPU per 1,000 chunks, s", "chunk_cpu", MILLI, digits=3),
    Figure("stream from Anthropic: same, s", "translated_chunk_cpu", MILLI, digits=3),
    Figure("100 kB body p50, ms", "latency_100kb", MILLI, digits=2),
    Figure("200 messages, added CPU, ms", "added_messages", MILLI, digits=2),
    Figure("64 tools, added CPU, ms", "added_tools", MILLI, digits=2),
    Figure("1 MB body, added CPU, ms", "added_1mb", MILLI, digits=2),
    Figure("start to first response, CPU s", "start_cpu", digits=2),
    Figure("start to first response, wall s", "start_wall", digits=2),
    Figure("memory at the first response, MB", "start_memory"),
    Figure("memory when warm, MB", "memory"),
    Figure("first failover from a 500, ms", "failover", MILLI, digits=1),
)
EMPTY = "–"


def values(figure: Figure, rounds: Rounds, direct: Rounds) -> list[float]:
    """Return a figure of one target per round, in the unit of the table."""
    raw = rounds.get(figure.name, ())
    if figure.less is None:
        return [value * figure.scale for value in raw]
    bases = direct.get(figure.less, ())
    if not raw or not bases:
        return []
    return [(value - base) * figure.scale for value, base in zip(raw, bases, strict=True)]


def cells(targets: Mapping[str, Rounds], direct: Rounds) -> Iterator[tuple[str, list[str]]]:
    """Yield the label of each measured figure, and its median of each target as text."""
    for figure in FIGURES:
        columns = [values(figure, rounds, direct) for rounds in targets.values()]
        if any(columns):
            yield (
                figure.label,
                [f"{median(each):,.{figure.digits}f}" if each else EMPTY for each in columns],
            )


def table(targets: Mapping[str, Rounds], direct: Rounds) -> Iterator[str]:
    """Yield the lines of the table as text."""
    yield f"{'':<38}" + "".join(f"{name:>11}" for name in targets)
    for label, row in cells(targets, direct):
        yield f"{label:<38}" + "".join(f"{cell:>11}" for cell in row)


def markdown(targets: Mapping[str, Rounds], direct: Rounds) -> Iterator[str]:
    """Yield the lines of the table in Markdown."""
    yield "| " + " | ".join(("", *targets)) + " |"
    yield "|---" + "|---:" * len(targets) + "|"
    for label, row in cells(targets, direct):
        yield "| " + " | ".join((label, *row)) + " |"
