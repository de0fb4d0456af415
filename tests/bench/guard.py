"""`make bench-guard`: prints which figures of a request rose by more than 10 % over tests/bench/guard.json.

CPU time is compared as a multiple of the bare proxy's in the same run, so that another machine or other load
changes it little. Python calls are compared as they are, in total and by function. `--write` stores the
figures of this run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench import calls, interleave, target
from tests.bench.measure import Bench, Server
from tests.bench.process import Cores, machine, running

STORED = Path(__file__).with_name("guard.json")
TOLERANCE = 1.10
LEAST_CALLS = 1.0  # per request; a function with a smaller rise is not printed
LEAST_MICROS = 5.0  # per request in a function itself, in units of the stored machine
KEYS = ("vaultedge", "+ limits")  # names of the targets
ROUNDS, SECONDS = 5, 1.0
SIZES = (1, 16)  # connections


@dataclass(frozen=True, slots=True)
class Figures:
    """The cost of a request with one key."""

    ratios: Mapping[str, float]  # CPU time as a multiple of the bare proxy's, by number of connections
    calls: Mapping[str, float]  # of Python functions, by file and name
    micros: Mapping[str, float]  # in the function itself while calls are counted


def measure() -> dict[str, Figures]:
    """Measure both keys beside the bare proxy; the calls are counted in separate processes afterwards."""
    ratios = _ratios()
    return {name: _figures(ratios[name], calls.measure(limits=name != KEYS[0])) for name in KEYS}


def rises(stored: Figures, current: Figures) -> Iterator[str]:
    """Yield a line for each figure that rose by more than the tolerance, and for each function that did."""
    for size, before in stored.ratios.items():
        now = current.ratios[size]
        if now > before * TOLERANCE:
            yield f"CPU per request at {size}: {before:.2f} -> {now:.2f} times the bare proxy's"
    before, now = sum(stored.calls.values()), sum(current.calls.values())
    if now > before * TOLERANCE:
        yield f"Python calls per request: {before:,.0f} -> {now:,.0f}"
    yield from _functions("calls", stored.calls, current.calls, LEAST_CALLS)
    speed = current.ratios["1"] / stored.ratios["1"] * sum(stored.micros.values())
    scale = speed / max(sum(current.micros.values()), 1e-9)
    adjusted = {name: value * scale for name, value in current.micros.items()}
    yield from _functions("own µs", stored.micros, adjusted, LEAST_MICROS)


def text(current: Mapping[str, Figures], date: str) -> str:
    """Return the stored form of the figures, one line per function: its calls and µs with each key."""
    names = sorted({name for figures in current.values() for name in figures.calls})
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(_row(current, name))}" for name in names)
    ratios = {name: figures.ratios for name, figures in current.items()}
    head = {"date": date, "machine": machine(), "ratios": ratios}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    return "\n".join(["{", *lines, ' "functions": {', rows, " }", "}", ""])


def _row(current: Mapping[str, Figures], name: str) -> list[float]:
    pairs = ((each.calls.get(name, 0.0), each.micros.get(name, 0.0)) for each in current.values())
    return [number for pair in pairs for number in pair]


def read(document: str) -> tuple[str, str, dict[str, Figures]]:
    """Return the date, the machine and the figures of their stored form."""
    stored = json.loads(document)
    functions = stored["functions"].items()
    figures = {
        name: Figures(
            stored["ratios"][name],
            {function: row[2 * index] for function, row in functions if row[2 * index]},
            {function: row[2 * index + 1] for function, row in functions if row[2 * index + 1]},
        )
        for index, name in enumerate(KEYS)
    }
    return stored["date"], stored["machine"], figures


def _functions(
    unit: str, stored: Mapping[str, float], current: Mapping[str, float], least: float
) -> Iterator[str]:
    changes = {name: value - stored.get(name, 0.0) for name, value in current.items()}
    for name, change in sorted(changes.items(), key=lambda item: -item[1]):
        before = stored.get(name, 0.0)
        if change >= least and current[name] > before * TOLERANCE:
            yield f"  {name}: {before:.1f} -> {current[name]:.1f} {unit}"


def _ratios() -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        bench = Bench(Cores.split(), Path(name), SECONDS)
        mock = target.provider()
        process = stack.enter_context(running(mock.command(), mock.environ, bench.cores.load, bench.folder))
        measured = (
            target.bare(process.url),
            target.vaultedge(process.url, bench.folder / "system"),
            target.limited(process.url, bench.folder / "limited"),
        )
        parts = [str(size) for size in SIZES]
        run = interleave.run(bench, Server(mock, process), measured, rounds=ROUNDS, parts=parts)
    if run.failures:
        raise RuntimeError(run.failures[0])
    bare = run.results["bare"]
    return {
        name: {str(size): _ratio(run.results[name], bare, f"cpu_{size}") for size in SIZES} for name in KEYS
    }


def _ratio(own: Mapping[str, Sequence[float]], bare: Mapping[str, Sequence[float]], name: str) -> float:
    return round(median(a / b for a, b in zip(own[name], bare[name], strict=True)), 3)


def _figures(ratios: Mapping[str, float], counted: calls.Calls) -> Figures:
    """Return the figures by file and function, without lines: an edit above a function changes nothing."""
    numbers: defaultdict[str, float] = defaultdict(float)
    micros: defaultdict[str, float] = defaultdict(float)
    for name, function in counted.python.items():
        file, _, rest = name.rpartition(":")
        place = f"{file} {rest.partition(' ')[2]}"
        numbers[place] += function.calls
        micros[place] += function.micros
    return Figures(
        ratios,
        {name: round(count, 1) for name, count in sorted(numbers.items()) if count >= 0.5},
        {name: round(value, 1) for name, value in sorted(micros.items()) if value >= 1},
    )


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.guard", description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the figures of this run instead")
    args = parser.parse_args(argv)
    if sys.platform != "linux":
        print("the benchmark reads /proc: it needs Linux", file=sys.stderr)
        return 1
    current = measure()
    if args.write:
        STORED.write_text(text(current, time.strftime("%Y-%m-%d")))
        return 0
    when, machine_then, stored = read(STORED.read_text())
    print(f"{machine()}; stored on {when} with {machine_then}")
    is_slower = False
    for name, figures in current.items():
        lines = list(rises(stored[name], figures))
        is_slower |= any(not line.startswith(" ") for line in lines)
        print(f"\n{name}: {_summary(stored[name])}; now {_summary(figures)}", *lines, sep="\n")
    return 1 if is_slower else 0


def _summary(figures: Figures) -> str:
    ratios = " and ".join(f"{ratio:.2f} at {size}" for size, ratio in figures.ratios.items())
    return f"{sum(figures.calls.values()):,.0f} calls, CPU / bare {ratios}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
