from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

KEY = "sk-test-CANARY-0001"
PASSWORD = "correct horse battery staple"
KEYS = [Credential("OpenAI", KEY), Credential("Groq", "gsk_CANARY_0002")]


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("vault",),
        ("vault", "add-key"),
        ("vault", "remove-key"),
        ("vault", "export", "--format", "v3"),
        ("vault", "export", "--kdf", "scrypt"),
        ("vault", "export", "--password", "-", "--password-file", "x"),
        ("vault", "add-key", "--provider", "openai", KEY),
        ("vault", "list", "--frobnicate=CANARY"),
        ("vault", "open"),
        ("run",),
        ("run", "--"),
        ("frobnicate",),
    ],
)
def test_misuse_is_status_2(argv: tuple[str, ...], vaultedge: Any, filled: LocalVault) -> None:
    """A command line that makes no sense gets a line and a hint, which repeat nothing that may be a key."""
    ran = vaultedge(*argv)

    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("vaultedge: ")
    assert "CANARY" not in ran.err
    assert filled.exists()


@pytest.mark.parametrize(
    ("argv", "stdin"),
    [
        (("vault", "open", "--password-file", "/no/such/file"), "VE_VAULT_v1_AAAA"),
        (("vault", "export", "--output", "/no/such/directory/file"), PASSWORD),
    ],
)
def test_the_systems_refusals_name_the_file(
    argv: tuple[str, ...], stdin: str, vaultedge: Any, filled: LocalVault
) -> None:
    """What the system refuses is one line that names the file."""
    ran = vaultedge(*argv, stdin=stdin)

    assert (ran.status, ran.err.count("\n")) == (1, 1)
    assert "/no/such/" in ran.err
    assert filled.exists()


def test_help_and_version_answer_on_stdout(vaultedge: Any) -> None:
    """--help names the commands and --version the version; both are done."""
    assert "vault" in vaultedge("--help").out
    assert "add-key" in vaultedge("vault", "--help").out
    assert vaultedge("--version").out.startswith("vaultedge ")
    assert vaultedge("--help").status == vaultedge("--version").status == 0


def test_the_light_commands_load_nothing_heavy(home: Path, filled: LocalVault) -> None:
    """--help and list import no web framework, no HTTP client and no AWS library."""
    heavy = "{'starlette', 'fastapi', 'pydantic', 'httpx', 'boto3', 'botocore', 'yaml', 'uvicorn', 'sqlite3'}"
    for argv in (["--help"], ["vault", "list"], ["vault", "export"]):
        script = (
            "import io, os, sys; from vaultcore.cli.main import main; "
            f"main({argv!r}, io.StringIO({PASSWORD!r}), io.StringIO(), io.StringIO(), os.environ); "
            f"print(sorted({heavy} & set(sys.modules)))"
        )
        ran = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            timeout=30,
            env={"VAULTEDGE_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
        )
        assert ran.stdout == "[]\n", argv
    assert filled.exists()


def test_a_reader_that_leaves_early_is_no_traceback(home: Path, filled: LocalVault) -> None:
    """A closed pipe behind the command ends it without a word."""
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run(
        [sys.executable, "-c", "from vaultcore.cli.main import entry; entry()", "vault", "list"],
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=30,
        env={"VAULTEDGE_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    os.close(write)

    assert (ran.returncode, ran.stderr) == (1, b"")
    assert filled.exists()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("pressed", ["\x03", "\x04"], ids=["ctrl-c", "ctrl-d"])
def test_a_prompt_can_be_left(pressed: str, home: Path, on_a_terminal: Any) -> None:
    """Ctrl-C and Ctrl-D at a prompt end the command in one line, and nothing was made."""
    status, shown = on_a_terminal("vault", "add-key", "-p", "openai", answers=[("OpenAI key: ", pressed)])

    assert status == 1
    assert "stopped" in shown
    assert "Traceback" not in shown
    assert not home.exists()
