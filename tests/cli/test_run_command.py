from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from vaultcore.catalog.load import builtin
from vaultcore.cli.run import variables
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault
from vaultcore.vault.sealed import seal

KEY = "sk-test-CANARY-0001"
PASSWORD = "correct horse battery staple"
KEYS = [Credential("OpenAI", KEY), Credential("Groq", "gsk_CANARY_0002")]


def test_run_gives_a_program_the_keys_and_not_the_vault(filled: LocalVault, in_a_process: Any) -> None:
    """A program sees each provider's variables and neither the vault string nor its password."""
    ran = in_a_process(
        *("run", "--", sys.executable, "-c", "import os, json; print(json.dumps(dict(os.environ)))"),
        VAULTEDGE_PASSWORD=PASSWORD,
        OPENAI_API_KEY="another",
    )

    seen = json.loads(ran.stdout)
    assert ran.stderr == ""
    assert (seen["OPENAI_API_KEY"], seen["GROQ_API_KEY"]) == tuple(each.key for each in filled.credentials())
    assert "VAULTEDGE_PASSWORD" not in seen
    assert seen["VAULTEDGE_HOME"] == str(filled.home)


def test_run_opens_the_vault_string_of_the_environment(in_a_process: Any) -> None:
    """Where VAULTEDGE_VAULT is set, its keys are the ones that are passed on; it is not."""
    ran = in_a_process(
        *("run", "--", sys.executable, "-c", "import os; print(*sorted(os.environ))"),
        VAULTEDGE_PASSWORD=PASSWORD,
        VAULTEDGE_VAULT=seal(KEYS, PASSWORD),
    )

    assert {"OPENAI_API_KEY", "GROQ_API_KEY"} <= set(ran.stdout.split())
    assert "VAULTEDGE_VAULT" not in ran.stdout.split()


@pytest.mark.parametrize(
    ("code", "status"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 15)", -15)]
)
def test_run_ends_as_the_program_ends(code: str, status: int, filled: LocalVault, in_a_process: Any) -> None:
    """The program's exit status, or the signal that ended it, is the command's own."""
    assert in_a_process("run", "--", sys.executable, "-c", code).returncode == status
    assert filled.exists()


def test_run_leaves_stdin_and_arguments_alone(filled: LocalVault, in_a_process: Any) -> None:
    """The program reads the stdin and gets every argument as it was written."""
    code = "import sys; print(sys.argv[1:], sys.stdin.read())"
    ran = in_a_process("run", sys.executable, "-c", code, "--json", "--", "-x", stdin="typed")

    assert ran.stdout == "['--json', '--', '-x'] typed\n"
    assert filled.exists()


def test_run_names_a_program_that_is_not_there(vaultedge: Any, filled: LocalVault) -> None:
    """An unknown program is one line on stderr."""
    ran = vaultedge("run", "--", "no-such-program-here")

    assert (ran.status, ran.err) == (1, "vaultedge: no-such-program-here: no such command\n")
    assert filled.exists()


def test_a_provider_gets_its_variables_from_the_catalog() -> None:
    """The first key of a provider, under whatever name it is kept, is set under every name its SDKs read."""
    held = [
        Credential("Google", "first"),
        Credential("Gemini", "second"),
        Credential("OpenAI", "third"),
        Credential("House LLM", "fourth"),
    ]

    assert variables(held, builtin()) == {
        "GEMINI_API_KEY": "first",
        "GOOGLE_API_KEY": "first",
        "OPENAI_API_KEY": "third",
        "HOUSE_LLM_API_KEY": "fourth",
    }
