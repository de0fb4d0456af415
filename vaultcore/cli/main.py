"""`vaultedge`: runs the subcommand and reports an error as one line, a hint and an exit status.

Each name in COMMANDS is a module of this package (with _ for -). Its `register(commands)` adds a parser and
sets `run`, a function of the parsed arguments and the terminal that returns the exit status. These modules
import heavy dependencies only inside the functions that need them.
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
from vaultcore.cli.server_extra import ServerNotInstalled
from vaultcore.cli.terminal import Terminal, UsageError
from vaultcore.errors import ConfigError, GatewayError, VaultError

COMMANDS = (
    "vault",
    "run",
    "serve",
    "demo",
    "explain",
    "conformance",
    "connect",
    "keys",
    "ledger",
    "deploy-info",
    "doctor",
)
SUCCESS, FAILURE, USAGE_ERROR = 0, 1, 2


def main(
    argv: Sequence[str],
    stdin: TextIO,
    stdout: TextIO,
    stderr: TextIO | None = None,
    environ: Mapping[str, str] | None = None,
) -> int:
    """Run one command line (without the program name) and return its exit status."""
    terminal = Terminal(
        stdin,
        stdout,
        sys.stderr if stderr is None else stderr,
        os.environ if environ is None else environ,
    )
    try:
        return _run(argv, terminal)
    except UsageError as error:
        terminal.fail(str(error), error.hint)
        return USAGE_ERROR
    except (VaultError, ServerNotInstalled) as error:
        terminal.fail(str(error), error.hint)
    except (ConfigError, GatewayError) as error:
        terminal.fail(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        terminal.fail(f"{place}{error.strerror or type(error).__name__}")
    except UnicodeError:  # its text would quote the input
        terminal.fail("the input is not UTF-8, or this terminal cannot display the output")
    except (KeyboardInterrupt, EOFError):  # Ctrl-C, or Ctrl-D at a prompt
        terminal.fail("stopped")
    return FAILURE


def entry() -> NoReturn:
    """Run the console script `vaultedge`."""
    try:
        status = main(sys.argv[1:], sys.stdin, sys.stdout, sys.stderr, os.environ)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of stdout has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = FAILURE
    sys.exit(status)


def _run(argv: Sequence[str], terminal: Terminal) -> int:
    try:
        with contextlib.redirect_stdout(terminal.stdout), contextlib.redirect_stderr(terminal.stderr):
            args, unknown = build_parser(argv).parse_known_args(argv)
    except SystemExit as end:  # --help or --version; our own errors are UsageErrors
        return int(end.code or SUCCESS)
    if unknown:
        raise UsageError(f"unexpected arguments: {_describe(unknown)}", hint="vaultedge --help")
    return int(args.run(args, terminal))


def _describe(unknown: Sequence[str]) -> str:
    """Return the names of the unknown options. Values are not repeated: one may be a misplaced key."""
    options = [word.partition("=")[0] for word in unknown if word.startswith("-") and word != "-"]
    return ", ".join(options) or f"{len(unknown)} (not shown: an argument may be a secret)"


def build_parser(argv: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the subcommand that `argv` names, or of all subcommands."""
    parser = _Parser(
        prog="vaultedge",
        description="An OpenAI-compatible AI gateway that keeps all provider keys in one encrypted string.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"vaultedge {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    name = argv[0] if argv else ""
    for command in (name,) if name in COMMANDS else COMMANDS:
        import_module(f"vaultcore.cli.{command.replace('-', '_')}").register(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")
