"""A little colour for people: none into a file or a pipe, none where NO_COLOR is set (https://no-color.org)."""

from __future__ import annotations

from dataclasses import dataclass

from vaultcore.cli.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Paint:
    on: bool

    @classmethod
    def of(cls, terminal: Terminal) -> Paint:
        environ = terminal.environ
        dumb = environ.get("TERM") == "dumb"
        return cls(terminal.stdout.isatty() and not environ.get("NO_COLOR") and not dumb)

    def bold(self, text: str) -> str:
        return self._in("1", text)

    def dim(self, text: str) -> str:
        return self._in("2", text)

    def good(self, text: str) -> str:
        return self._in("32", text)

    def bad(self, text: str) -> str:
        return self._in("33", text)

    def _in(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on else text
