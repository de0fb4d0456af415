"""`vaultedge conformance`: what every dialect can carry, found out against simulated providers."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from vaultcore.cli.terminal import Misuse, Terminal


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "conformance",
        help="what every provider format can carry: yes, emulated, reported or refused; calls nobody",
        description="Sends a request for each capability through the gateway's own translation to simulated "
        "providers in this process, and looks at what comes back.",
    )
    parser.add_argument("dialects", metavar="DIALECT", nargs="*", help="only these (default: all)")
    parser.add_argument("--json", action="store_true", help="with the reason for every cell, as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    # Only who asks for it pays for the simulators.
    from vaultcore.capability_matrix.matrix import LEGEND
    from vaultcore.capability_matrix.run import matrix
    from vaultcore.capability_matrix.subject import simulated
    from vaultcore.catalog.load import builtin

    known = simulated()
    for name in args.dialects:
        if name not in known:
            raise Misuse(f"{name} is no dialect that is simulated: {', '.join(known)}")
    found = asyncio.run(matrix(args.dialects or known, builtin()))
    if args.json:
        terminal.say(json.dumps(found.json(), ensure_ascii=False, indent=2))
    else:
        terminal.say(found.text() + "\n")
        terminal.say("\n".join(f"{mark!s:<9} {meaning}" for mark, meaning in LEGEND.items()))
    for failure in found.failures():
        terminal.warn(failure)
    return 1 if found.failures() else 0
