"""Where the password of a vault string comes from: an option, a file, the environment, a prompt, stdin."""

from __future__ import annotations

import argparse
from pathlib import Path

from vaultcore.cli.terminal import Misuse, Terminal, secret_in
from vaultcore.errors import VaultError
from vaultcore.vault.hidden import Hidden
from vaultcore.vault.password import generate, weakness


def add_options(parser: argparse.ArgumentParser, name: str = "password") -> None:
    parser.add_argument(
        f"--{name}", metavar="-", help="a line of stdin; a value instead of - is taken, unwisely"
    )
    parser.add_argument(
        f"--{name}-file", type=Path, metavar="FILE", help="a file that holds it and nothing else"
    )


def add_weak_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-weak", action="store_true", help="seal even with a password that can be guessed"
    )


def opening(args: argparse.Namespace, terminal: Terminal, name: str = "password") -> Hidden:
    """The password of a vault that exists: any password."""
    given = offered(args, terminal, name)
    if given is None and (known := terminal.environ.get("VAULTEDGE_PASSWORD")) is not None:
        return Hidden(known)
    return _asked(terminal) if given is None else given


def sealing(args: argparse.Namespace, terminal: Terminal) -> Hidden:
    """The password for a new vault string; where nobody gives one, it is made here and shown once."""
    given = offered(args, terminal) or Hidden(terminal.environ.get("VAULTEDGE_PASSWORD", ""))
    password = given or terminal.ask("password for the vault string (empty: make one): ")
    if not password:
        password = Hidden(generate())
        terminal.warn(f"password, made now and not shown again: {password}")
    elif terminal.interactive and not given and terminal.ask("once more: ") != password:
        raise VaultError("the two passwords differ")
    return strong(password, allow_weak=args.allow_weak)


def required(args: argparse.Namespace, terminal: Terminal) -> Hidden:
    """The password for a new vault string where stdin holds something else."""
    given = offered(args, terminal) or Hidden(terminal.environ.get("VAULTEDGE_PASSWORD", ""))
    if not given:
        raise _missing()
    return strong(given, allow_weak=args.allow_weak)


def replacement(args: argparse.Namespace, terminal: Terminal, old: Hidden) -> Hidden:
    """The new password where one is given; else the old one, as it is."""
    given = offered(args, terminal, "new-password")
    return old if given is None else strong(given, allow_weak=args.allow_weak)


def strong(password: Hidden, *, allow_weak: bool) -> Hidden:
    """The password, or VaultError where it would be guessed and nobody said that this is fine."""
    why = None if allow_weak else weakness(password)
    if why is not None:
        raise VaultError(
            f"the password is too weak: {why}",
            hint="vaultedge vault export makes a strong one where none is given; --allow-weak takes this one",
        )
    return password


def offered(args: argparse.Namespace, terminal: Terminal, name: str = "password") -> Hidden | None:
    """What the two options give; None where neither is there."""
    value: str | None = getattr(args, name.replace("-", "_"))
    file: Path | None = getattr(args, f"{name.replace('-', '_')}_file")
    if value is not None and file is not None:
        raise Misuse(f"--{name} and --{name}-file exclude each other")
    return secret_in(file) if file is not None else terminal.secret(value, option=f"--{name}")


def _asked(terminal: Terminal) -> Hidden:
    password = terminal.ask("vault password: ")
    if not password and not terminal.interactive:
        raise _missing()
    return password


def _missing() -> Misuse:
    return Misuse("a password is missing", hint="set VAULTEDGE_PASSWORD, or use --password-file FILE")
