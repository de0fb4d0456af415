"""`vaultedge vault export import migrate seal open`: vault strings, made and opened."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultcore.cli import passwords
from vaultcore.cli.terminal import Misuse, Terminal, secret_in
from vaultcore.errors import VaultError

if TYPE_CHECKING:
    from vaultcore.vault.hidden import Hidden
    from vaultcore.vault.keyring import Credential

VARIABLE = "VAULTEDGE_VAULT="
_KDFS = ("pbkdf2", "scrypt", "argon2id")


def register(actions: Any) -> None:
    export = actions.add_parser(
        "export",
        help="print the vault as one encrypted string",
        description="Without a password a strong one is made and shown once, on stderr.",
    )
    add_sealing_options(export)
    passwords.add_options(export)
    export.add_argument(
        "--output", type=Path, metavar="FILE", help="write the string alone to a new file (0600)"
    )
    export.add_argument("--force", action="store_true", help="replace FILE if it is there")
    export.set_defaults(run=run_export)

    take = actions.add_parser("import", help="add the keys of a vault string to the vault on this machine")
    _add_string_options(take)
    passwords.add_options(take)
    take.set_defaults(run=run_import)

    migrate = actions.add_parser("migrate", help="seal a vault string anew: other password, other format")
    _add_string_options(migrate)
    passwords.add_options(migrate, "old-password")
    passwords.add_options(migrate, "new-password")
    add_sealing_options(migrate)
    migrate.set_defaults(run=run_migrate)

    seal = actions.add_parser("seal", help="stdin: a JSON array of {provider, key}; stdout: the vault string")
    passwords.add_options(seal)
    add_sealing_options(seal)
    seal.set_defaults(run=run_seal)

    unseal = actions.add_parser("open", help="stdin: a vault string; stdout: the JSON array, in clear")
    passwords.add_options(unseal)
    unseal.set_defaults(run=run_open)


def run_export(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.vault.local import LocalVault

    check_format(args)
    held = LocalVault(terminal.settings().home).credentials()
    if not held:
        raise VaultError("the vault is empty", hint="vaultedge vault add-key --provider NAME")
    if args.output is not None and not args.force and args.output.exists():
        raise there(args.output)
    sealed = sealed_as(held, passwords.sealing(args, terminal), args)
    if args.output is None:
        terminal.say(VARIABLE + sealed)
    else:
        write_string(args.output, sealed, replace=args.force)
        terminal.warn(f"{len(held)} keys sealed in {args.output}")
    return 0


def run_import(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.open_vault import unsealed
    from vaultcore.vault.local import LocalVault

    text = _string(args, terminal)
    credentials = unsealed(text, passwords.opening(args, terminal), terminal)
    added = LocalVault(terminal.settings().home).add(credentials)
    terminal.say(
        f"imported {len(added)} of {len(credentials)} keys; the others were there already"
        if len(added) < len(credentials)
        else f"imported {len(added)} keys"
    )
    return 0


def run_migrate(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.open_vault import unsealed

    check_format(args)
    text = _string(args, terminal)
    old = passwords.opening(args, terminal, "old-password")
    new = passwords.replacement(args, terminal, old)
    terminal.say(VARIABLE + sealed_as(unsealed(text, old, terminal), new, args))
    return 0


def run_seal(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.vault import plaintext

    check_format(args)
    password = passwords.required(args, terminal)
    credentials = plaintext.parse(terminal.rest().encode("utf-8", "surrogateescape"))
    if credentials is None:
        raise VaultError(
            "stdin must hold a JSON array of objects with the strings provider and key",
            hint='echo \'[{"provider": "openai", "key": "..."}]\' shows the shape',
        )
    terminal.say(sealed_as(credentials, password, args))
    return 0


def run_open(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.open_vault import unsealed

    text = _first_line(terminal)
    opened = unsealed(text, passwords.opening(args, terminal), terminal)
    terminal.say(json.dumps([{"provider": each.provider, "key": each.key} for each in opened]))
    return 0


def add_sealing_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=("v1", "v2"), default="v1", help="v1 opens with VaultEdge's tools, too"
    )
    parser.add_argument("--kdf", choices=_KDFS, help="how a v2 string's password is stretched")
    passwords.add_weak_option(parser)


def check_format(args: argparse.Namespace) -> None:
    """Raises Misuse where the two options do not go together."""
    if args.kdf is not None and args.format != "v2":
        raise Misuse("--kdf needs --format v2: a v1 string has no choice")


def sealed_as(credentials: Sequence[Credential], password: Hidden, args: argparse.Namespace) -> str:
    """The vault string in the format that the options name."""
    from vaultcore.vault import kdf, sealed, sealed_v2

    if args.format == "v1":
        return sealed.seal(credentials, password)
    return sealed_v2.seal(credentials, password, kdf=kdf.BY_NAME[args.kdf or _KDFS[0]])


def _add_string_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("string", nargs="?", metavar="STRING", help="the vault string, or - for stdin")
    parser.add_argument("--file", type=Path, metavar="FILE", help="a file that holds it and nothing else")


def _string(args: argparse.Namespace, terminal: Terminal) -> str:
    if args.file is not None and args.string is not None:
        raise Misuse("a vault string and --file exclude each other")
    if args.file is not None:
        text: str = secret_in(args.file)
    else:
        text = _first_line(terminal) if args.string in (None, "-") else args.string
    return text.strip().removeprefix(VARIABLE)


def _first_line(terminal: Terminal) -> str:
    """The first line of stdin that is not blank; a password may be on the next."""
    if terminal.interactive:
        terminal.warn("paste the vault string; one of more than 4,000 characters has to come from a file")
    while line := terminal.stdin.readline():
        if line.strip():
            return line.strip().removeprefix(VARIABLE)
    raise Misuse("there is no vault string on stdin")


def write_string(file: Path, sealed: str, *, replace: bool) -> None:
    """Make a file (0600) of a vault string alone. Raises VaultError where one is there."""
    from vaultcore.vault import private

    try:
        (private.write if replace else private.write_new)(file, f"{sealed}\n")
    except FileExistsError as error:
        raise there(file) from error


def there(file: Path) -> VaultError:
    return VaultError(f"{file} is there already; it stays as it is", hint="--force replaces it")
