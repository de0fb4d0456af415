"""Fixtures that run a command line in this process, in a subprocess and on a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from vaultcore.cli.main import main
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

ENTRY = [sys.executable, "-c", "from vaultcore.cli.main import entry; entry()"]


@dataclass(frozen=True)
class CommandResult:
    """Exit status and output of a command."""

    status: int
    out: str
    err: str


Vaultedge = Callable[..., CommandResult]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def vaultedge(home: Path) -> Callable[..., CommandResult]:
    """Run a command line in this process, with its own home directory and an otherwise empty environment."""

    def run(*argv: str, stdin: str = "", environ: Mapping[str, str] | None = None) -> CommandResult:
        out, err = StringIO(), StringIO()
        status = main(argv, StringIO(stdin), out, err, {"VAULTEDGE_HOME": str(home), **(environ or {})})
        return CommandResult(status, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def filled_vault(home: Path) -> LocalVault:
    vault = LocalVault(home)
    vault.add([Credential("OpenAI", "sk-test-CANARY-0001"), Credential("Groq", "gsk_CANARY_0002")])
    return vault


def _environ(home: Path) -> dict[str, str]:
    return {"VAULTEDGE_HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture
def run_process(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command line in a subprocess."""

    def run(*argv: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*ENTRY, *argv],
            input=stdin,
            text=True,
            capture_output=True,
            timeout=30,
            env={**_environ(home), **environ},
            check=False,
        )

    return run


@pytest.fixture
def run_in_terminal(home: Path) -> Callable[..., tuple[int, str]]:
    """Run a command line on a pseudo-terminal and answer its prompts. Return the status and the output."""

    def run(*argv: str, answers: list[tuple[str, str]]) -> tuple[int, str]:
        command, terminal = pty.fork()
        if command == 0:
            os.execve(sys.executable, [*ENTRY, *argv], _environ(home))
        output = ""
        for prompt, answer in answers:
            start = len(output)
            while prompt not in output[start:]:
                output += os.read(terminal, 1_024).decode()
            os.write(terminal, answer.encode())
        output += _read_rest(terminal)
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(command, 0)[1]), output

    return run


def _read_rest(terminal: int) -> str:
    chunks = []
    while True:
        try:
            chunk = os.read(terminal, 1_024)
        except OSError:  # on Linux: the other side has closed
            break
        if not chunk:
            break
        chunks.append(chunk)
    return b"".join(chunks).decode()
