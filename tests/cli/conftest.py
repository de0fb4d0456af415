"""What the tests of the command line share: running one in this process, in its own, and on a terminal."""

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
class Ran:
    status: int
    out: str
    err: str


Vaultedge = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def vaultedge(home: Path) -> Callable[..., Ran]:
    """Runs a command line in this process, with a home of its own and nothing else in the environment."""

    def run(*argv: str, stdin: str = "", environ: Mapping[str, str] | None = None) -> Ran:
        out, err = StringIO(), StringIO()
        status = main(argv, StringIO(stdin), out, err, {"VAULTEDGE_HOME": str(home), **(environ or {})})
        return Ran(status, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def filled(home: Path) -> LocalVault:
    vault = LocalVault(home)
    vault.add([Credential("OpenAI", "sk-test-CANARY-0001"), Credential("Groq", "gsk_CANARY_0002")])
    return vault


def _environ(home: Path) -> dict[str, str]:
    return {"VAULTEDGE_HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture
def in_a_process(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command line in a process of its own."""

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
def on_a_terminal(home: Path) -> Callable[..., tuple[int, str]]:
    """Runs a command line on a terminal, answering each prompt: its status, and all that showed."""

    def run(*argv: str, answers: list[tuple[str, str]]) -> tuple[int, str]:
        command, terminal = pty.fork()
        if command == 0:
            os.execve(sys.executable, [*ENTRY, *argv], _environ(home))
        shown = ""
        for prompt, answer in answers:
            asked_from = len(shown)
            while prompt not in shown[asked_from:]:
                shown += os.read(terminal, 1_024).decode()
            os.write(terminal, answer.encode())
        shown += _rest(terminal)
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(command, 0)[1]), shown

    return run


def _rest(terminal: int) -> str:
    pieces = []
    while True:
        try:
            piece = os.read(terminal, 1_024)
        except OSError:  # how Linux tells that the other side has closed
            break
        if not piece:
            break
        pieces.append(piece)
    return b"".join(pieces).decode()
