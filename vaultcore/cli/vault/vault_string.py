"""`vaultedge vault export|import|migrate|seal|open`: creates and opens vault strings."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultcore.cli import passwords
from vaultcore.cli.terminal import Terminal, UsageError, read_secret_file
from vaultcore.errors import VaultError

if TYPE_CHECKING:
    from vaultcore.vault.keyring import Credential
    from vaultcore.vault.secret_text import SecretText

VARIABLE = "VAULTEDGE_VAULT="
_KDFS = ("pbkdf2", "scrypt", "argon2id")


def register(actions: Any) -> None:
    export = actions.add_parser(
        "export",
        help="print the vault as one encrypted string",
        description="Without a password, generate a strong one and print it once on stderr.",
    )
    add_sealing_options(export)
    passwords.add_options(export)
    export.add_argument(
        "--output", type=Path, metavar="FILE", help="write only the string to a new file (mode 0600)"
    )
    export.add_argument("--force", action="store_true", help="replace FILE if it exists")
    export.set_defaults(run=run_export)

    import_ = actions.add_parser("import", help="add the keys of a vault string to the vault on this machine")
    _add_string_options(import_)
    passwords.add_options(import_)
    import_.set_defaults(run=run_import)

    migrate = actions.add_parser("migrate", help="seal a vault string again with another password or format")
    _add_string_options(migrate)
    passwords.add_options(migrate, "old-password")
    passwords.add_options(migrate, "new-password")
    add_sealing_options(migrate)
    migrate.set_defaults(run=run_migrate)

    seal = actions.add_parser(
        "seal", help="read a JSON array of {provider, key} from stdin and print the vault string"
    )
    passwords.add_options(seal)
    add_sealing_options(seal)
    seal.set_defaults(run=run_seal)

    unseal = actions.add_parser(
        "open", help="read a vault string from stdin and print its keys as JSON, unencrypted"
    )
    passwords.add_options(unseal)
    unseal.set_defaults(run=run_open)


def run_export(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.vault.local import LocalVault

    check_options(args)
    credentials = LocalVault(terminal.settings().home).credentials()
    if not credentials:
        raise VaultError("the vault is empty", hint="vaultedge vault add-key --provider NAME")
    if args.output is not None and not args.force and args.output.exists():
        raise already_exists(args.output)
    sealed = seal_as(credentials, passwords.read_new_password(args, terminal), args)
    if args.output is None:
        terminal.say(VARIABLE + sealed)
    else:
        write_string(args.output, sealed, replace=args.force)
        terminal.warn(f"sealed {len(credentials)} keys in {args.output}")
    return 0


def run_import(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.open_vault import unseal
    from vaultcore.vault.local import LocalVault

    text = _string(args, terminal)
    credentials = unseal(text, passwords.read_password(args, terminal), terminal)
    added = LocalVault(terminal.settings().home).add(credentials)
    terminal.say(
        f"imported {len(added)} of {len(credentials)} keys; the others were already there"
        if len(added) < len(credentials)
        else f"imported {len(added)} keys"
    )
    return 0


def run_migrate(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.open_vault import unseal

    check_options(args)
    text = _string(args, terminal)
    old = passwords.read_password(args, terminal, "old-password")
    new = passwords.read_replacement(args, terminal, old)
    terminal.say(VARIABLE + seal_as(unseal(text, old, terminal), new, args))
    return 0


def run_seal(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.vault import plaintext

    check_options(args)
    password = passwords.require_new_password(args, terminal)
    credentials = plaintext.parse(terminal.read_all().encode("utf-8", "surrogateescape"))
    if credentials is None:
        raise VaultError(
            "stdin must be a JSON array of objects with the strings provider and key",
            hint='echo \'[{"provider": "openai", "key": "..."}]\' shows the shape',
        )
    terminal.say(seal_as(credentials, password, args))
    return 0


def run_open(args: argparse.Namespace, terminal: Terminal) -> int:
    from vaultcore.cli.open_vault import unseal

    text = _first_line(terminal)
    credentials = unseal(text, passwords.read_password(args, terminal), terminal)
    terminal.say(json.dumps([{"provider": each.provider, "key": each.key} for each in credentials]))
    return 0


def add_sealing_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=("v1", "v2"),
        default="v1",
        help="vault string format; the original VaultEdge (TypeScript) also opens v1 (default: v1)",
    )
    parser.add_argument("--kdf", choices=_KDFS, help="key derivation function of a v2 string")
    passwords.add_weak_option(parser)


def check_options(args: argparse.Namespace) -> None:
    """Raise UsageError if --kdf is used without --format v2."""
    if args.kdf is not None and args.format != "v2":
        raise UsageError("--kdf needs --format v2; v1 always uses pbkdf2")


def seal_as(credentials: Sequence[Credential], password: SecretText, args: argparse.Namespace) -> str:
    """Return the vault string in the format of the options."""
    from vaultcore.vault import kdf, sealed, sealed_v2

    if args.format == "v1":
        return sealed.seal(credentials, password)
    return sealed_v2.seal(credentials, password, kdf=kdf.BY_NAME[args.kdf or _KDFS[0]])


def _add_string_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("string", nargs="?", metavar="STRING", help="the vault string, or - for stdin")
    parser.add_argument("--file", type=Path, metavar="FILE", help="file that contains only the vault string")


def _string(args: argparse.Namespace, terminal: Terminal) -> str:
    if args.file is not None and args.string is not None:
        raise UsageError("use either a vault string or --file, not both")
    if args.file is not None:
        text: str = read_secret_file(args.file)
    else:
        text = _first_line(terminal) if args.string in (None, "-") else args.string
    return text.strip().removeprefix(VARIABLE)


def _first_line(terminal: Terminal) -> str:
    """Return the first line of stdin that is not blank. The next line may be a password."""
    if terminal.interactive:
        terminal.warn("paste the vault string; if it is longer than 4,000 characters, use --file")
    while line := terminal.stdin.readline():
        if line.strip():
            return line.strip().removeprefix(VARIABLE)
    raise UsageError("no vault string on stdin")


def write_string(file: Path, sealed: str, *, replace: bool) -> None:
    """Write a vault string to a file (mode 0600). Raise VaultError if it exists and `replace` is not set."""
    from vaultcore.vault import private_files

    try:
        (private_files.write if replace else private_files.write_new)(file, f"{sealed}\n")
    except FileExistsError as error:
        raise already_exists(file) from error


def already_exists(file: Path) -> VaultError:
    return VaultError(f"{file} already exists", hint="use --force to replace it")
