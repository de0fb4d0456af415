"""The programs of docs/clients.md: each is run as it stands there, for the gateway under test."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.clients.conftest import ROOT, SERVER, GatewayProcess

MODEL = "anthropic/claude-sonnet-4-5"
ANSWER = "You asked: “Hello”"  # of the simulated providers
NODE = ROOT / "build/node-clients"


def snippets(url: str) -> dict[str, list[str]]:
    command = [SERVER, "-m", "tests.clients.snippets", url, MODEL]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    parsed: dict[str, list[str]] = json.loads(output)
    return parsed


@pytest.mark.parametrize("name", snippets("http://127.0.0.1") if SERVER else [])
def test_a_program_prints_the_answer(name: str, gateway: GatewayProcess) -> None:
    """The program needs only VAULTEDGE_KEY, and prints the model's answer."""
    language, code = snippets(gateway.url.removesuffix("/v1"))[name]
    is_python = language == "python"
    command = [sys.executable, "-W", "ignore", "-"] if is_python else ["node", "--input-type=module", "-"]
    environment = {**os.environ, "VAULTEDGE_KEY": gateway.key, "NO_COLOR": "1", "DO_NOT_TRACK": "1"}
    folder = ROOT if is_python else NODE
    process = subprocess.run(
        command,
        input=code,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    if "ModuleNotFoundError" in process.stderr:
        pytest.skip("this library is in the other environment")

    assert process.returncode == 0, process.stderr[-2000:]
    assert ANSWER in process.stdout
