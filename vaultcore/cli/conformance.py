"""`vaultedge conformance`: tests the capabilities of every dialect against simulated providers."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from vaultcore.cli.terminal import Terminal, UsageError


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "conformance",
        help="test what each dialect supports: yes, emulated, reported or refused; calls no provider",
        description="Send one request per capability through the gateway's translation to simulated providers"
        " in this process, and check the response.",
    )
    parser.add_argument("dialects", metavar="DIALECT", nargs="*", help="dialects to test (default: all)")
    parser.add_argument("--json", action="store_true", help="print JSON, with the reason for every result")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    # Imported here, because only this command needs the simulators.
    from vaultcore.capability_matrix.matrix import LEGEND
    from vaultcore.capability_matrix.run import build_matrix
    from vaultcore.capability_matrix.simulated_dialect import simulated_dialects
    from vaultcore.catalog.load import load_builtin

    dialects = simulated_dialects()
    for name in args.dialects:
        if name not in dialects:
            raise UsageError(f"no simulated dialect is called {name}: choose from {', '.join(dialects)}")
    result = asyncio.run(build_matrix(args.dialects or dialects, load_builtin()))
    if args.json:
        terminal.say(json.dumps(result.json(), ensure_ascii=False, indent=2))
    else:
        terminal.say(result.text() + "\n")
        terminal.say("\n".join(f"{mark!s:<9} {meaning}" for mark, meaning in LEGEND.items()))
    for failure in result.failures():
        terminal.warn(failure)
    return 1 if result.failures() else 0
