"""`vaultedge run -- COMMAND`: a program with the keys in its environment, under the names it expects."""

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

from vaultcore.cli.terminal import Misuse, Terminal

if TYPE_CHECKING:
    from vaultcore.catalog.catalog import Catalog
    from vaultcore.vault.keyring import Credential

_OURS = ("VAULTEDGE_VAULT", "VAULTEDGE_PASSWORD")  # the program gets the keys, not what opens all of them


def register(commands: Any) -> None:
    parser = commands.add_parser(
        "run",
        help="run a program with OPENAI_API_KEY, ANTHROPIC_API_KEY, ... set from the vault",
        usage="vaultedge run -- COMMAND [ARGUMENT ...]",
        description="The keys come from VAULTEDGE_VAULT where it is set, else from the vault on this machine."
        " Neither it nor VAULTEDGE_PASSWORD reaches the program. The first key of a provider is set.",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, terminal: Terminal) -> int:
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        raise Misuse("a command is missing", hint="vaultedge run -- python app.py")
    from vaultcore.catalog.load import load
    from vaultcore.cli.open_vault import credentials

    catalog = load(terminal.settings().providers_file, terminal.environ)
    keys = variables(credentials(terminal), catalog)
    for name in [name for name, key in keys.items() if "\0" in key]:
        terminal.warn(f"{name} is left out: no environment variable can hold that key")
        del keys[name]
    inherited = {name: value for name, value in terminal.environ.items() if name not in _OURS}
    _become(command, {**inherited, **keys})


def variables(credentials: Iterable[Credential], catalog: Catalog) -> dict[str, str]:
    """Keys by variable: a provider's preferred name, VaultEdge's PROVIDER_API_KEY, then its other names.

    Where two claim a name, the more preferred claim wins, then the earlier key.
    """
    first: dict[str, Credential] = {}
    for credential in credentials:
        row = catalog.provider(credential.provider)
        first.setdefault(credential.provider.lower() if row is None else row.name, credential)
    env = {name: row.env if (row := catalog.provider(name)) else () for name in first}
    claims = [
        *((variable, held) for name, held in first.items() for variable in env[name][:1]),
        *((_variable(held.provider), held) for held in first.values()),
        *((variable, held) for name, held in first.items() for variable in env[name][1:]),
    ]
    keys: dict[str, str] = {}
    for variable, held in claims:
        keys.setdefault(variable, held.key)
    return keys


def _variable(provider: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", provider.upper()) + "_API_KEY"


def _become(command: list[str], environ: dict[str, str]) -> NoReturn:
    """Turn into the command, so that its signals and its exit status are its own."""
    if shutil.which(command[0], path=environ.get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, "no such command", command[0])
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.platform == "win32":  # has no exec that waits
        sys.exit(subprocess.run(command, env=environ, check=False).returncode)  # noqa: S603 - what it is for
    os.execvpe(command[0], command, environ)  # noqa: S606 - what it is for
