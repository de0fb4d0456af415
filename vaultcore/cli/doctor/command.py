"""`vaultedge doctor`: looks at all that a gateway needs, here or in a deployed stack, and tells the cures."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from vaultcore.cli import stack
from vaultcore.cli.terminal import Misuse, Terminal


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "doctor",
        help="look at vault, catalog, store, provider keys and clock; with --stack, at a deployed stack",
        description="Every provider key is tried with one cheap call. Exits with 1 where something is not as"
        " it should be; each such line is followed by one that says how to mend it.",
    )
    stack.add_options(parser, required=False)
    parser.add_argument("--url", help="of the stack's gateway, where it is not its own: a custom domain")
    parser.add_argument("--live", action="store_true", help="of a stack: stream one short answer, too")
    parser.add_argument("--model", metavar="NAME", help="for --live (default: the cheapest that is served)")
    parser.add_argument("--offline", action="store_true", help="of this machine: ask no provider")
    parser.add_argument("--providers", metavar="FILE", type=Path, help="catalog overlay (PROVIDERS_FILE)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.doctor import local, stack
    from vaultcore.cli.doctor.findings import State

    for option in ("region", "url", "live", "model"):
        if args.stack is None and getattr(args, option):
            raise Misuse(f"--{option} goes with --stack")
    if args.stack is not None and args.offline:
        raise Misuse("--offline is for this machine: a stack is elsewhere")
    if args.model is not None and not args.live:
        raise Misuse("--model goes with --live")
    if args.stack is None:
        found = asyncio.run(local.examine(args, terminal))
    else:
        found = asyncio.run(stack.examine(args, terminal))
    failed = any(each.state is State.FAILED for each in found)
    if args.json:
        told = {"ok": not failed, "checks": [each.json() for each in found]}
        terminal.say(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        from vaultcore.cli.color import Paint

        paint = Paint.of(terminal)
        for each in found:
            terminal.say(each.text(paint))
    return 1 if failed else 0
