"""Reads the password of a vault string from an option, a file, the environment, a prompt or stdin."""

from __future__ import annotations

import argparse
from pathlib import Path

from vaultcore.cli.terminal import Terminal, UsageError, read_secret_file
from vaultcore.errors import VaultError
from vaultcore.vault.password import generate, weakness
from vaultcore.vault.secret_text import SecretText


def add_options(parser: argparse.ArgumentParser, name: str = "password") -> None:
    parser.add_argument(
        f"--{name}",
        metavar="-",
        help="use - to read a line of stdin; a literal value works but is visible to other users",
    )
    parser.add_argument(
        f"--{name}-file", type=Path, metavar="FILE", help="file that contains only the password"
    )


def add_weak_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--allow-weak", action="store_true", help="accept a weak password")


def read_password(args: argparse.Namespace, terminal: Terminal, name: str = "password") -> SecretText:
    """Return the password of an existing vault. Weak passwords are accepted."""
    password = read_options(args, terminal, name)
    if password is not None:
        return password
    if (value := terminal.environ.get("VAULTEDGE_PASSWORD")) is not None:
        return SecretText(value)
    return _prompt(terminal)


def read_new_password(args: argparse.Namespace, terminal: Terminal) -> SecretText:
    """Return the password for a new vault string. Without input, generate one and print it once on stderr."""
    preset = read_options(args, terminal) or SecretText(terminal.environ.get("VAULTEDGE_PASSWORD", ""))
    password = preset or terminal.prompt_secret("password for the vault string (empty to generate one): ")
    if not password:
        password = SecretText(generate())
        terminal.warn(f"generated password (not shown again): {password}")
    elif terminal.interactive and not preset and terminal.prompt_secret("repeat the password: ") != password:
        raise VaultError("the passwords do not match")
    return require_strong(password, allow_weak=args.allow_weak)


def require_new_password(args: argparse.Namespace, terminal: Terminal) -> SecretText:
    """Return the password for a new vault string when stdin has other input. Raise UsageError without one."""
    password = read_options(args, terminal) or SecretText(terminal.environ.get("VAULTEDGE_PASSWORD", ""))
    if not password:
        raise _missing()
    return require_strong(password, allow_weak=args.allow_weak)


def read_replacement(args: argparse.Namespace, terminal: Terminal, old: SecretText) -> SecretText:
    """Return the new password from the options, or the old one if there is none."""
    new = read_options(args, terminal, "new-password")
    return old if new is None else require_strong(new, allow_weak=args.allow_weak)


def require_strong(password: SecretText, *, allow_weak: bool) -> SecretText:
    """Return the password. Raise VaultError if it is weak and `allow_weak` is not set."""
    reason = None if allow_weak else weakness(password)
    if reason is not None:
        raise VaultError(
            f"the password is too weak: {reason}",
            hint="vaultedge vault export generates a strong password; --allow-weak accepts this one",
        )
    return password


def read_options(args: argparse.Namespace, terminal: Terminal, name: str = "password") -> SecretText | None:
    """Return the password from the two options, or None if neither is set. Raise UsageError for both."""
    value: str | None = getattr(args, name.replace("-", "_"))
    file: Path | None = getattr(args, f"{name.replace('-', '_')}_file")
    if value is not None and file is not None:
        raise UsageError(f"use either --{name} or --{name}-file, not both")
    return read_secret_file(file) if file is not None else terminal.read_option(value, option=f"--{name}")


def _prompt(terminal: Terminal) -> SecretText:
    password = terminal.prompt_secret("vault password: ")
    if not password and not terminal.interactive:
        raise _missing()
    return password


def _missing() -> UsageError:
    return UsageError("no password", hint="set VAULTEDGE_PASSWORD, or use --password-file FILE")
