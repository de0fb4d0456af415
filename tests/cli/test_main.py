"""`vaultedge`: usage errors, help, exit statuses and interrupted commands."""

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
def test_usage_errors_exit_with_2(argv: tuple[str, ...], vaultedge: Any, filled_vault: LocalVault) -> None:
    """An invalid command line gives one line and a hint, which repeat nothing that may be a key."""
    result = vaultedge(*argv)

    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("vaultedge: ")
    assert "CANARY" not in result.err
    assert filled_vault.exists()


@pytest.mark.parametrize(
    ("argv", "stdin"),
    [
        (("vault", "open", "--password-file", "/no/such/file"), "VE_VAULT_v1_AAAA"),
        (("vault", "export", "--output", "/no/such/directory/file"), PASSWORD),
    ],
)
def test_operating_system_errors_name_the_file(
    argv: tuple[str, ...], stdin: str, vaultedge: Any, filled_vault: LocalVault
) -> None:
    """An operating system error gives one line that names the file."""
    result = vaultedge(*argv, stdin=stdin)

    assert (result.status, result.err.count("\n")) == (1, 1)
    assert "/no/such/" in result.err
    assert filled_vault.exists()


def test_help_and_version_go_to_stdout(vaultedge: Any) -> None:
    """--help lists the commands, --version prints the version; both exit with 0."""
    assert "vault" in vaultedge("--help").out
    assert "add-key" in vaultedge("vault", "--help").out
    assert vaultedge("--version").out.startswith("vaultedge ")
    assert vaultedge("--help").status == vaultedge("--version").status == 0


def test_light_commands_import_no_heavy_modules(home: Path, filled_vault: LocalVault) -> None:
    """--help and vault commands import no web framework, HTTP client or AWS library."""
    heavy = "{'starlette', 'fastapi', 'pydantic', 'httpx', 'boto3', 'botocore', 'yaml', 'uvicorn', 'sqlite3'}"
    for argv in (["--help"], ["vault", "list"], ["vault", "export"]):
        script = (
            "import io, os, sys; from vaultcore.cli.main import main; "
            f"main({argv!r}, io.StringIO({PASSWORD!r}), io.StringIO(), io.StringIO(), os.environ); "
            f"print(sorted({heavy} & set(sys.modules)))"
        )
        result = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            timeout=30,
            env={"VAULTEDGE_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
        )
        assert result.stdout == "[]\n", argv
    assert filled_vault.exists()


def test_a_closed_pipe_gives_no_traceback(home: Path, filled_vault: LocalVault) -> None:
    """A closed stdout pipe ends the command without output."""
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(
        [sys.executable, "-c", "from vaultcore.cli.main import entry; entry()", "vault", "list"],
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=30,
        env={"VAULTEDGE_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    os.close(write)

    assert (result.returncode, result.stderr) == (1, b"")
    assert filled_vault.exists()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("pressed_key", ["\x03", "\x04"], ids=["ctrl-c", "ctrl-d"])
def test_a_prompt_can_be_cancelled(pressed_key: str, home: Path, run_in_terminal: Any) -> None:
    """Ctrl-C and Ctrl-D at a prompt end the command with one line; nothing is created."""
    status, output = run_in_terminal(
        "vault", "add-key", "-p", "openai", answers=[("OpenAI key: ", pressed_key)]
    )

    assert status == 1
    assert "stopped" in output
    assert "Traceback" not in output
    assert not home.exists()
