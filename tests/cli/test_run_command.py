"""`vaultedge run`: the program's environment, arguments and exit status."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.cli.run import build_variables
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault
from vaultcore.vault.sealed import seal

KEY = "sk-test-CANARY-0001"
PASSWORD = "correct horse battery staple"
KEYS = [Credential("OpenAI", KEY), Credential("Groq", "gsk_CANARY_0002")]


def test_the_program_gets_the_keys_but_not_the_vault(filled_vault: LocalVault, run_process: Any) -> None:
    """The program's environment has each provider's variables but no vault string and no password."""
    result = run_process(
        *("run", "--", sys.executable, "-c", "import os, json; print(json.dumps(dict(os.environ)))"),
        VAULTEDGE_PASSWORD=PASSWORD,
        OPENAI_API_KEY="another",
    )

    environ = json.loads(result.stdout)
    assert result.stderr == ""
    assert (environ["OPENAI_API_KEY"], environ["GROQ_API_KEY"]) == tuple(
        each.key for each in filled_vault.credentials()
    )
    assert "VAULTEDGE_PASSWORD" not in environ
    assert environ["VAULTEDGE_HOME"] == str(filled_vault.home)


def test_run_uses_the_vault_string_of_the_environment(run_process: Any) -> None:
    """If VAULTEDGE_VAULT is set, the program gets its keys but not the variable itself."""
    result = run_process(
        *("run", "--", sys.executable, "-c", "import os; print(*sorted(os.environ))"),
        VAULTEDGE_PASSWORD=PASSWORD,
        VAULTEDGE_VAULT=seal(KEYS, PASSWORD),
    )

    assert {"OPENAI_API_KEY", "GROQ_API_KEY"} <= set(result.stdout.split())
    assert "VAULTEDGE_VAULT" not in result.stdout.split()


@pytest.mark.parametrize(
    ("code", "status"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 15)", -15)]
)
def test_run_exits_like_the_program(
    code: str, status: int, filled_vault: LocalVault, run_process: Any
) -> None:
    """The exit status or signal is the program's."""
    assert run_process("run", "--", sys.executable, "-c", code).returncode == status
    assert filled_vault.exists()


def test_run_passes_stdin_and_arguments(filled_vault: LocalVault, run_process: Any) -> None:
    """The program reads stdin and gets every argument unchanged."""
    code = "import sys; print(sys.argv[1:], sys.stdin.read())"
    result = run_process("run", sys.executable, "-c", code, "--json", "--", "-x", stdin="typed")

    assert result.stdout == "['--json', '--', '-x'] typed\n"
    assert filled_vault.exists()


def test_a_missing_program_is_named(vaultedge: Any, filled_vault: LocalVault) -> None:
    """An unknown program gives one line on stderr."""
    result = vaultedge("run", "--", "no-such-program-here")

    assert (result.status, result.err) == (1, "vaultedge: no-such-program-here: command not found\n")
    assert filled_vault.exists()


def test_variables_come_from_the_catalog() -> None:
    """The first key of a provider is set in every variable that its SDKs read, whatever the spelling."""
    credentials = [
        Credential("Google", "first"),
        Credential("Gemini", "second"),
        Credential("OpenAI", "third"),
        Credential("Local LLM", "fourth"),
    ]

    assert build_variables(credentials, load_builtin()) == {
        "GEMINI_API_KEY": "first",
        "GOOGLE_API_KEY": "first",
        "OPENAI_API_KEY": "third",
        "LOCAL_LLM_API_KEY": "fourth",
    }
