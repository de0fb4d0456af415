"""`vaultedge deploy-info`: what a deployed stack says of itself, and what is still to do."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from vaultcore.cli import stack
from vaultcore.cli.stack import StackUnusable
from vaultcore.cli.terminal import Terminal

if TYPE_CHECKING:
    from vaultcore.aws.stack import Deployed, Stack

KEYS = {"system": "SystemKeySecretId", "admin": "AdminKeySecretId"}


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "deploy-info",
        help="a deployed stack's addresses and names, and what is still to do",
        description="Shows no secret, unless one of the two keys is asked for.",
    )
    stack.add_options(parser)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="as JSON")
    for plane, whose in (("system", "applications"), ("admin", "the console")):
        shown.add_argument(
            f"--show-{plane}-key",
            action="store_const",
            dest="key",
            const=plane,
            help=f"print the key of {whose}, alone",
        )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    with stack.opened(args) as asked:
        deployed = asked.describe()
        if args.key is not None:
            key = asked.secret(stack.output(deployed, KEYS[args.key]), "key")
            if key is None:
                raise StackUnusable(f"the secret of the {args.key} key holds no key")
            terminal.say(key)
            return 0
        stack.output(deployed, "BaseUrl")
        todo = _todo(asked, deployed)
    if args.json:
        told = {"stack": deployed.name, "region": deployed.region, "status": deployed.status}
        terminal.say(json.dumps({**told, "outputs": dict(deployed.outputs), "to_do": todo}, indent=2))
        return 0
    terminal.say(f"{'Stack':<24} {deployed.name} in {deployed.region}, {deployed.status}")
    for name, value in sorted(deployed.outputs.items(), key=lambda each: (not each[0].endswith("Url"), each)):
        terminal.say(f"{name:<24} {value}")
    for step in todo:
        terminal.say(f"{'to do':<24} {step}")
    return 0


def _todo(asked: Stack, deployed: Deployed) -> list[str]:
    """What is between the deployment and the first answer, as far as this user may see it."""
    from vaultcore.aws.stack import ActionFailed

    ids = stack.vault_ids(deployed)
    try:
        filled = asked.filled(*ids)
    except ActionFailed as error:
        refused = stack.told(error, deployed.name)
        return [f"whether the vault is filled cannot be seen: {refused}; {refused.hint}"]
    if filled.vault is None or filled.password is None:
        return [f"the vault is empty: vaultedge vault push --stack {deployed.name}"]
    return []
