"""`vaultedge doctor`: checks everything that a gateway needs, here or in a stack, and prints fixes."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from vaultcore.cli import stack
from vaultcore.cli.terminal import Terminal, UsageError


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "doctor",
        help="check vault, catalog, store, provider keys and clock, or a deployed stack with --stack",
        description="Test every provider key with one cheap call. Exits with 1 if a check fails; the line"
        " after a failed check says how to fix it.",
    )
    stack.add_options(parser, required=False)
    parser.add_argument("--url", help="gateway URL of the stack, if it is not the BaseUrl output")
    parser.add_argument("--live", action="store_true", help="also stream one short response from the stack")
    parser.add_argument("--model", metavar="NAME", help="model for --live (default: the cheapest available)")
    parser.add_argument("--offline", action="store_true", help="call no provider; only for this machine")
    parser.add_argument(
        "--providers", metavar="FILE", type=Path, help="catalog overlay (default: PROVIDERS_FILE)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.doctor import local, stack
    from vaultcore.cli.doctor.results import CheckStatus

    for option in ("region", "url", "live", "model"):
        if args.stack is None and getattr(args, option):
            raise UsageError(f"--{option} needs --stack")
    if args.stack is not None and args.offline:
        raise UsageError("--offline cannot be used with --stack")
    if args.model is not None and not args.live:
        raise UsageError("--model needs --live")
    if args.stack is None:
        results = asyncio.run(local.run_checks(args, terminal))
    else:
        results = asyncio.run(stack.run_checks(args, terminal))
    has_failed = any(each.state is CheckStatus.FAILED for each in results)
    if args.json:
        report = {"ok": not has_failed, "checks": [each.json() for each in results]}
        terminal.say(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        from vaultcore.cli.text_style import TextStyle

        style = TextStyle.for_terminal(terminal)
        for each in results:
            terminal.say(each.text(style))
    return 1 if has_failed else 0
