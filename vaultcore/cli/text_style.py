"""ANSI colors for terminals; none for files and pipes, or if NO_COLOR is set (https://no-color.org)."""

from __future__ import annotations

from vaultcore.cli.terminal import Terminal
from vaultcore.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TextStyle:
    enabled: bool

    @classmethod
    def for_terminal(cls, terminal: Terminal) -> TextStyle:
        environ = terminal.environ
        is_dumb = environ.get("TERM") == "dumb"
        return cls(terminal.stdout.isatty() and not environ.get("NO_COLOR") and not is_dumb)

    def bold(self, text: str) -> str:
        return self._wrap("1", text)

    def dim(self, text: str) -> str:
        return self._wrap("2", text)

    def green(self, text: str) -> str:
        return self._wrap("32", text)

    def yellow(self, text: str) -> str:
        return self._wrap("33", text)

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled else text
