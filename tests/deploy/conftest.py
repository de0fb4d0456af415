"""One stack for all tests here: built, deployed, called while its vault was empty, and then filled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import httpx
import pytest

from tests.deploy.aws_emulator import function_python, run_emulator
from tests.deploy.stack import Stack, build, deploy
from tests.fakes.provider import FakeProvider
from tests.handlers.sam import ROOT
from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import seal

# It takes a minute and a half: `make test-deploy` runs these tests, `make test` does not.
collect_ignore_glob = [] if os.environ.get("VAULTEDGE_TEST_DEPLOY") else ["test_*.py"]

PASSWORD = "password-sentinel-of-this-machine"
KEYS = {"openai": "sk-openai-sentinel-0001", "anthropic": "sk-anthropic-sentinel-0001"}
OVERLAY = """\
providers:
  openai: {{base_url: "{openai}", local: true}}
  anthropic: {{base_url: "{anthropic}", local: true}}
models:
  fast: {{primary: openai/gpt-4o-mini, fallbacks: [anthropic/claude-3-5-haiku-latest]}}
"""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The stack, the providers that its functions call, and the result of the first push."""

    stack: Stack
    openai: FakeProvider
    anthropic: FakeProvider
    empty: httpx.Response  # the response before the push
    pushed: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployed")
    function_python()
    with FakeProvider() as openai, FakeProvider() as anthropic:
        overlay = folder / "providers.yaml"
        overlay.write_text(OVERLAY.format(openai=openai.base_url, anthropic=anthropic.base_url), "utf-8")
        with run_emulator(folder, {"PROVIDERS_FILE": str(overlay)}) as aws:
            stack = deploy(build(folder / "build"), aws)
            with stack.web(stack.secret("SystemKeySecretId")) as client:
                empty = client.get("/v1/models")
            yield Deployment(stack, openai, anthropic, empty, push(stack, folder))
    rmtree(folder / "build")  # pytest keeps folders of earlier runs


def push(stack: Stack, home: Path) -> subprocess.CompletedProcess[str]:
    """Push this machine's vault to the stack with `vaultedge`, as an operator does."""
    vault = seal([Credential(provider, key) for provider, key in KEYS.items()], PASSWORD)
    return subprocess.run(
        [sys.executable, "-m", "vaultcore.cli", "vault", "push", "--stack", stack.name],
        check=False,
        cwd=home,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "VAULTEDGE_VAULT": vault,
            "VAULTEDGE_PASSWORD": PASSWORD,
            **stack.emulator.environ,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
