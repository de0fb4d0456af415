"""Where the AWS SAM CLI's environment is, for the tests that need what ships inside it."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@cache
def sam_python() -> Path:
    """The interpreter of the SAM environment; the test is skipped where there is none."""
    python = Path(os.environ.get("VAULTEDGE_SAM_PYTHON") or ROOT / ".venv-sam" / "bin" / "python")
    if not python.exists():
        pytest.skip("no AWS SAM CLI in .venv-sam: make test makes it, or name one in VAULTEDGE_SAM_PYTHON")
    return python


def ask(code: str, *args: str) -> str:
    """What a few lines print under that interpreter."""
    command = [str(sam_python()), "-c", code, *args]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@cache
def emulator() -> Path:
    """The Lambda runtime interface emulator for this machine's processor."""
    code = "import importlib.util as u; print(u.find_spec('samcli').submodule_search_locations[0])"
    names = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
    name = names.get(os.uname().machine, "")
    binary = Path(ask(code).strip()) / "local" / "rapid" / f"aws-lambda-rie-{name}"
    if os.uname().sysname != "Linux" or not binary.exists():
        pytest.skip("the Lambda emulator in the SAM CLI runs on Linux only, on x86_64 and arm64")
    return binary
