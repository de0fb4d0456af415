"""The streams of a command: results go to stdout, everything else to stderr; secrets are never echoed."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import TextIO

from vaultcore.lazy_dataclass import dataclass
from vaultcore.settings import Settings
from vaultcore.vault.secret_text import SecretText


class UsageError(Exception):
    """The command line is wrong; the exit status is 2."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Terminal:
    """The three streams and the environment of one command."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str] = field(repr=False)

    @property
    def interactive(self) -> bool:
        """True if stdin is a terminal, so that a prompt can be answered."""
        return self.stdin.isatty()

    def settings(self) -> Settings:
        return Settings.from_env(self.environ)

    def say(self, text: str) -> None:
        """Print a result to stdout."""
        print(text, file=self.stdout, flush=True)

    def warn(self, text: str) -> None:
        print(f"vaultedge: {text}", file=self.stderr, flush=True)

    def hint(self, text: str) -> None:
        self.warn(f"hint: {text}")

    def fail(self, message: str, hint: str | None = None) -> None:
        """Print the error on one line and, if there is one, the hint on the next."""
        self.warn(" ".join(message.split()))
        if hint is not None:
            self.hint(hint)

    def read_line(self) -> SecretText:
        """Return one line of stdin without its line end; empty at the end of the input."""
        return SecretText(self.stdin.readline().removesuffix("\n").removesuffix("\r"))

    def read_all(self) -> SecretText:
        """Return the rest of stdin."""
        return SecretText(self.stdin.read())

    def prompt_secret(self, prompt: str) -> SecretText:
        """Return a secret: from a hidden prompt on a terminal, otherwise from one line of stdin."""
        if not self.interactive:
            return self.read_line()
        return SecretText(getpass.getpass(prompt))

    def read_option(self, value: str | None, *, option: str) -> SecretText | None:
        """Return an option's secret: `-` prompts for it, a value is used with a warning, None if unset."""
        if value is None:
            return None
        if value == "-":
            return self.prompt_secret(f"{option.strip('-')}: ")
        self.warn(f"other users and the shell history can see secrets on the command line; use {option} -")
        return SecretText(value)


def read_secret_file(file: Path) -> SecretText:
    """Return the content of a file without its final line end."""
    return SecretText(file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r"))
