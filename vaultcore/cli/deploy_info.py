"""`vaultedge deploy-info`: shows a deployed stack's outputs and the remaining setup steps."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from vaultcore.cli import stack
from vaultcore.cli.stack import StackError
from vaultcore.cli.terminal import Terminal

if TYPE_CHECKING:
    from vaultcore.aws.stack import Stack, StackState

KEYS = {"system": "SystemKeySecretId", "admin": "AdminKeySecretId"}


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "deploy-info",
        help="show a deployed stack's URLs, resource names and remaining setup steps",
        description="Print no secrets, unless an option asks for one of the two keys.",
    )
    stack.add_options(parser)
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    for plane, user in (("system", "applications"), ("admin", "the console")):
        output.add_argument(
            f"--show-{plane}-key",
            action="store_const",
            dest="key",
            const=plane,
            help=f"print only the {plane} key, for {user}",
        )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    with stack.open_stack(args) as opened_stack:
        deployed = opened_stack.describe()
        if args.key is not None:
            key = opened_stack.secret(stack.require_output(deployed, KEYS[args.key]), "key")
            if key is None:
                raise StackError(f"the secret of the {args.key} key contains no key")
            terminal.say(key)
            return 0
        stack.require_output(deployed, "BaseUrl")
        steps = _remaining_steps(opened_stack, deployed)
    if args.json:
        summary = {"stack": deployed.name, "region": deployed.region, "status": deployed.status}
        terminal.say(json.dumps({**summary, "outputs": dict(deployed.outputs), "to_do": steps}, indent=2))
        return 0
    terminal.say(f"{'Stack':<24} {deployed.name} in {deployed.region}, {deployed.status}")
    for name, value in sorted(deployed.outputs.items(), key=lambda each: (not each[0].endswith("Url"), each)):
        terminal.say(f"{name:<24} {value}")
    for step in steps:
        terminal.say(f"{'to do':<24} {step}")
    return 0


def _remaining_steps(opened_stack: Stack, deployed: StackState) -> list[str]:
    """Return the setup steps that remain before the first request, as far as this user's permissions show."""
    from vaultcore.aws.stack import ActionFailed

    ids = stack.vault_secret_ids(deployed)
    try:
        filled = opened_stack.vault_secrets(*ids)
    except ActionFailed as error:
        failure = stack.explain_failure(error, deployed.name)
        return [f"cannot check whether the vault is filled: {failure}; {failure.hint}"]
    if filled.vault is None or filled.password is None:
        return [f"the vault is empty: vaultedge vault push --stack {deployed.name}"]
    return []
