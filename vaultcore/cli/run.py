"""`vaultedge run -- COMMAND`: runs a program with the provider keys in its environment variables."""

from __future__ import annotations

import argparse
import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from vaultcore.cli.terminal import Terminal, UsageError

if TYPE_CHECKING:
    from vaultcore.catalog.catalog import Catalog
    from vaultcore.vault.keyring import Credential

_OURS = ("VAULTEDGE_VAULT", "VAULTEDGE_PASSWORD")  # the program gets keys, but not the vault and its password


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "run",
        help="run a program with OPENAI_API_KEY, ANTHROPIC_API_KEY, ... set from the vault",
        usage="vaultedge run -- COMMAND [ARGUMENT ...]",
        description="Read the keys from VAULTEDGE_VAULT if it is set, otherwise from the vault on this"
        " machine, and set the first key of each provider. The program does not get VAULTEDGE_VAULT and"
        " VAULTEDGE_PASSWORD.",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="program and arguments")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        raise UsageError("no command", hint="vaultedge run -- python app.py")
    from vaultcore.catalog.load import load
    from vaultcore.cli.open_vault import load_credentials

    catalog = load(terminal.settings().providers_file, terminal.environ)
    keys = build_variables(load_credentials(terminal), catalog)
    for name in [name for name, key in keys.items() if "\0" in key]:
        terminal.warn(f"{name} not set: the key contains a NUL character")
        del keys[name]
    inherited = {name: value for name, value in terminal.environ.items() if name not in _OURS}
    _exec(command, {**inherited, **keys})


def build_variables(credentials: Iterable[Credential], catalog: Catalog) -> dict[str, str]:
    """Return the keys by environment variable.

    Each provider sets its preferred variable, PROVIDER_API_KEY as in the original VaultEdge (TypeScript), and
    its other variables. If two keys claim a variable, the earlier of these three kinds wins, then the earlier
    key.
    """
    first: dict[str, Credential] = {}
    for credential in credentials:
        row = catalog.provider(credential.provider)
        first.setdefault(credential.provider.lower() if row is None else row.name, credential)
    env = {name: row.env if (row := catalog.provider(name)) else () for name in first}
    claims = [
        *((variable, credential) for name, credential in first.items() for variable in env[name][:1]),
        *((_variable(credential.provider), credential) for credential in first.values()),
        *((variable, credential) for name, credential in first.items() for variable in env[name][1:]),
    ]
    keys: dict[str, str] = {}
    for variable, credential in claims:
        keys.setdefault(variable, credential.key)
    return keys


def _variable(provider: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", provider.upper()) + "_API_KEY"


def _exec(command: list[str], environ: dict[str, str]) -> NoReturn:
    """Replace this process with the command, so that signals and the exit status are the command's."""
    if shutil.which(command[0], path=environ.get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, "command not found", command[0])
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform == "win32":  # its exec does not wait
        sys.exit(subprocess.run(command, env=environ, check=False).returncode)  # noqa: S603 - runs the user's command
    os.execvpe(command[0], command, environ)  # noqa: S606 - runs the user's command
