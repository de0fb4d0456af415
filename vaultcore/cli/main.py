"""`vaultedge`: finds the sub-command, runs it, and turns its failures into a line, a hint and an exit status.

A sub-command is a module of this package, named in COMMANDS (with - for _). It offers `register(commands)`,
which adds its parser and sets `run`: a callable that is given the parsed arguments and the terminal, and
returns the exit status. Such a module imports nothing heavy but inside the functions that need it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NoReturn, TextIO

from vaultcore import __version__
from vaultcore.cli.terminal import Misuse, Terminal
from vaultcore.errors import ConfigError, GatewayError, VaultError

COMMANDS = (
    "vault",
    "run",
    "serve",
    "demo",
    "explain",
    "conformance",
    "keys",
    "ledger",
    "deploy-info",
    "doctor",
)
DONE, REFUSED, MISUSE = 0, 1, 2


def main(
    argv: Sequence[str],
    stdin: TextIO,
    stdout: TextIO,
    stderr: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> int:
    """Run one command line, without the program's name, and return its exit status."""
    terminal = Terminal(
        stdin,
        stdout,
        sys.stderr if stderr is None else stderr,
        os.environ if environ is None else environ,
    )
    try:
        return _run(argv, terminal)
    except Misuse as error:
        terminal.fail(str(error), error.hint)
        return MISUSE
    except VaultError as error:
        terminal.fail(str(error), error.hint)
    except (ConfigError, GatewayError) as error:
        terminal.fail(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        terminal.fail(f"{place}{error.strerror or type(error).__name__}")
    except UnicodeError:  # whose own text would show what was read
        terminal.fail("the input is not UTF-8, or this terminal cannot show the answer")
    except (KeyboardInterrupt, EOFError):  # Ctrl-C, or Ctrl-D where something was asked for
        terminal.fail("stopped")
    return REFUSED


def entry() -> NoReturn:
    """The console script."""
    try:
        status = main(sys.argv[1:], sys.stdin, sys.stdout, sys.stderr, os.environ)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the answer has gone; so has the place for another word
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = REFUSED
    sys.exit(status)


def _run(argv: Sequence[str], terminal: Terminal) -> int:
    try:
        with contextlib.redirect_stdout(terminal.stdout), contextlib.redirect_stderr(terminal.stderr):
            args, unknown = _parser(argv).parse_known_args(argv)
    except SystemExit as end:  # --help, --version; our own errors are Misuse
        return int(end.code or DONE)
    if unknown:
        shown = ", ".join(each.partition("=")[0] for each in unknown if each.startswith("-") and each != "-")
        # A stray word may be a key that stood in the wrong place: it is counted, not repeated.
        raise Misuse(f"not understood: {shown or 'what stands after it all'}", hint="vaultedge --help")
    return int(args.run(args, terminal))


def _parser(argv: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="vaultedge",
        description="An OpenAI-compatible gateway whose provider keys live in one encrypted string.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"vaultedge {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    named = argv[0] if argv else ""
    for command in (named,) if named in COMMANDS else COMMANDS:
        import_module(f"vaultcore.cli.{command.replace('-', '_')}").register(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Misuse(message, hint=f"{self.prog} --help")
