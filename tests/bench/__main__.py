"""`make bench`: compares this gateway with baselines and other gateways in one interleaved run.

It asserts nothing: absolute times on a shared machine vary, and only figures of one run are comparable. See
docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.bench import hotspots, interleave, page, peers, report, stores, target
from tests.bench.measure import Bench, Server
from tests.bench.process import Cores, machine, running
from tests.bench.target import Target

QUICK = {"rounds": 1, "seconds": 0.4, "targets": ["bare", "vaultedge", "+ limits"]}


def main(argv: Sequence[str]) -> int:
    args = _arguments(argv)
    if args.stores:
        print(*stores.lines(), sep="\n", flush=True)
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
        if args.profile:
            print(*hotspots.lines(bench, target.vaultedge(process.url, bench.folder)), sep="\n")
            return 0
        measured = [
            each
            for each in targets(process.url, bench.folder)
            if args.targets is None or each.name in args.targets
        ]
        run = interleave.run(
            bench, Server(provider, process), measured, rounds=int(args.rounds), parts=args.only
        )
    return _print(run, args)


def targets(upstream: str, folder: Path) -> list[Target]:
    """Return the baselines, this gateway with both keys, and the installed peers."""
    return [
        target.raw(upstream),
        target.bare(upstream),
        target.vaultedge(upstream, folder / "system"),
        target.limited(upstream, folder / "limited"),
        *peers.installed(upstream, folder),
    ]


def _print(run: interleave.Run, args: argparse.Namespace) -> int:
    direct = run.results.pop("direct", {})
    if args.json:
        json.dump({"machine": machine(), "others": run.others, "direct": direct, **run.results}, sys.stdout)
        return 0
    lines = [
        f"{machine()}; interleaved, rounds: {args.rounds:g}, {args.seconds:g} s per measurement; medians",
        f"other processes used {run.others:.1f} cores during the run",
    ]
    print(*lines, "", *report.table(run.results, direct), sep="\n")
    missing = [] if args.targets else peers.missing()
    print(*run.failures, *missing, sep="\n", file=sys.stderr)
    if args.write:
        page.write(args.write, lines, report.markdown(run.results, direct))
    return 0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=_within(1, 50), default=5, help="1 to 50; default 5")
    parser.add_argument("--seconds", type=_within(0.1, 30), default=1.5, help="per measurement; default 1.5")
    parts = list(interleave.PARTS)
    parser.add_argument(
        "--only", type=_parts, default=parts, help=f"a comma-separated subset of {','.join(parts)}"
    )
    parser.add_argument(
        "--targets", type=lambda text: text.split(","), help="comma-separated columns; default: all"
    )
    parser.add_argument(
        "--quick", action="store_true", help="one short round of bare and this gateway, in under a minute"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the table into this page")
    parser.add_argument(
        "--json", action="store_true", help="print the values of every round: seconds and megabytes"
    )
    parser.add_argument("--profile", action="store_true", help="profile imports and hot functions instead")
    parser.add_argument(
        "--stores",
        action="store_true",
        help="measure the cost of a request in each store instead: time, calls, DynamoDB request units",
    )
    args = parser.parse_args(argv)
    if args.quick:
        vars(args).update(QUICK)
    return args


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
