"""What a command reads from and writes to: answers to stdout, all else to stderr, secrets never shown."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from vaultcore.settings import Settings
from vaultcore.vault.hidden import Hidden


class Misuse(Exception):
    """A command was called in a way it cannot be; exit status 2."""

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
        """Whether somebody sits in front of it who can be asked."""
        return self.stdin.isatty()

    def settings(self) -> Settings:
        return Settings.from_env(self.environ)

    def say(self, text: str) -> None:
        """An answer."""
        print(text, file=self.stdout, flush=True)

    def warn(self, text: str) -> None:
        print(f"vaultedge: {text}", file=self.stderr, flush=True)

    def hint(self, text: str) -> None:
        self.warn(f"hint: {text}")

    def fail(self, message: str, hint: str | None = None) -> None:
        """One line that says what went wrong, and one that says what to do, where there is something."""
        self.warn(" ".join(message.split()))
        if hint is not None:
            self.hint(hint)

    def line(self) -> Hidden:
        """One line of stdin, without its end. Empty at the end of the input."""
        return Hidden(self.stdin.readline().removesuffix("\n").removesuffix("\r"))

    def rest(self) -> Hidden:
        """All that is left on stdin."""
        return Hidden(self.stdin.read())

    def ask(self, prompt: str) -> Hidden:
        """A secret: typed unseen where somebody sits there, else one line of stdin."""
        if not self.interactive:
            return self.line()
        return Hidden(getpass.getpass(prompt))

    def secret(self, given: str | None, *, option: str) -> Hidden | None:
        """A secret as an option gives it: `-` asks; the value itself is taken, with a warning."""
        if given is None:
            return None
        if given == "-":
            return self.ask(f"{option.strip('-')}: ")
        self.warn(
            f"{option} on the command line shows in the process list and the shell's history; use {option} -"
        )
        return Hidden(given)


def secret_in(file: Path) -> Hidden:
    """What a file holds, without the line end editors put after it."""
    return Hidden(file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r"))
