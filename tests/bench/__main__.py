"""`make bench`: compares this gateway with a bare proxy in one interleaved run; see docs/performance.md.

It asserts nothing: absolute times on a shared machine vary, and only ratios of one run are comparable.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.bench import hotspots, interleave, report, stores, target
from tests.bench.measure import Bench, Server
from tests.bench.process import Cores, machine, running


def main(argv: Sequence[str]) -> int:
    args = _arguments(argv)
    if args.stores:
        for line in stores.lines():
            print(line, flush=True)
        return 0
    if sys.platform != "linux":
        print("the benchmark reads /proc: it needs Linux", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = Bench(Cores.split(), Path(folder), args.seconds)
        provider = target.provider()
        process = stack.enter_context(
            running(provider.command(), provider.environ, bench.cores.load, bench.folder)
        )
        bare, ours = target.bare(process.url), target.vaultedge(process.url, bench.folder)
        if args.profile:
            print(*hotspots.lines(bench, ours), sep="\n")
            return 0
        run = interleave.run(
            bench, Server(provider, process), (bare, ours), rounds=int(args.rounds), parts=args.only
        )
    direct = run.results.pop(provider.name, {})
    if args.json:
        json.dump({"machine": machine(), "others": run.others, "direct": direct, **run.results}, sys.stdout)
        return 0
    print(f"{machine()}; medians of {args.rounds:g} interleaved rounds, {args.seconds:g} s per measurement")
    print(f"other processes used {run.others:.1f} cores during the run\n")
    print(*report.table(run.results, direct), sep="\n")
    return 0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parts = ",".join(interleave.PARTS)
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=_within(1, 50), default=5, help="1 to 50; default 5")
    parser.add_argument("--seconds", type=_within(0.1, 30), default=1.5, help="per measurement; default 1.5")
    parser.add_argument(
        "--only", type=_parts, default=interleave.PARTS, help=f"a comma-separated subset of {parts}"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the values of every round: seconds and megabytes"
    )
    parser.add_argument("--profile", action="store_true", help="profile imports and hot functions instead")
    parser.add_argument(
        "--stores",
        action="store_true",
        help="measure the cost of a request in each store instead: time, calls, DynamoDB request units",
    )
    return parser.parse_args(argv)


def _within(least: float, most: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        if not least <= float(text) <= most:
            raise argparse.ArgumentTypeError(f"must be {least:g} to {most:g}")
        return float(text)

    return number


def _parts(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names).difference(interleave.PARTS):
        raise argparse.ArgumentTypeError(f"unknown parts: {', '.join(sorted(unknown))}")
    return [part for part in interleave.PARTS if part in names]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
