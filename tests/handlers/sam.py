"""The AWS SAM CLI's environment, for the tests that use it."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@cache
def sam_python() -> Path:
    """Return the Python of the SAM environment; skip the test without it."""
    python = Path(os.environ.get("VAULTEDGE_SAM_PYTHON") or ROOT / ".venv-sam" / "bin" / "python")
    if not python.exists():
        pytest.skip("no AWS SAM CLI in .venv-sam: run make test, or set VAULTEDGE_SAM_PYTHON")
    return python


def run_in_sam_venv(code: str, *args: str) -> str:
    """Run code with that Python and return its output."""
    command = [str(sam_python()), "-c", code, *args]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@cache
def emulator() -> Path:
    """Return the Lambda runtime interface emulator for this machine's processor; skip the test without it."""
    code = "import importlib.util as u; print(u.find_spec('samcli').submodule_search_locations[0])"
    names = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
    name = names.get(os.uname().machine, "")
    binary = Path(run_in_sam_venv(code).strip()) / "local" / "rapid" / f"aws-lambda-rie-{name}"
    if os.uname().sysname != "Linux" or not binary.exists():
        pytest.skip("the SAM CLI's Lambda emulator needs Linux on x86_64 or arm64")
    return binary
