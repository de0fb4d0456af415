from __future__ import annotations

import fcntl
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.handlers.sam import ROOT, sam_python

JUNK = re.compile(r"\.pth$|/tests?/test_|^tests/|^bin/|\.installed$|^vaultcore/.*\.pyc$(?<!cpython-313\.pyc)")
FUNCTIONS = ("StreamFunction", "AdminFunction", "UpkeepFunction")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sam build` leaves to be deployed."""
    folder = tmp_path_factory.mktemp("build")
    environ = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-central-1"}
    command = [str(sam_python()), "-m", "samcli", "build", "--build-dir", str(folder)]
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "lock").open("w") as lock:  # one worker at a time: builds share what they install
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            command, check=False, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_artifact_holds_what_it_needs_and_no_more(function: str, built: Path) -> None:
    """Without Docker: our packages, the locked requirements for arm64, an executable wrapper, no junk."""
    files = {path.relative_to(built / function).as_posix() for path in (built / function).rglob("*")}
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "vaultcore").rglob("*.py")}

    assert code <= files
    assert {"handlers/stream.py", "handlers/run_stream", "mangum/__init__.py", "boto3/__init__.py"} <= files
    assert (built / function / "handlers" / "run_stream").stat().st_mode & 0o111 == 0o111
    assert not [name for name in files if JUNK.search(name)]
    assert not [name for name in files if name.endswith(".so") and "x86_64" in name]
    assert [name for name in files if name.endswith("aarch64-linux-gnu.so")]


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_byte_code_is_never_stale(function: str, built: Path) -> None:
    """Byte code does not depend on time stamps, which a deployment package does not keep."""
    made = list((built / function / "vaultcore").rglob("*.pyc"))
    if not made:
        pytest.skip("no Python 3.13 on this machine: the functions compile when they start")

    assert {path.read_bytes()[4:8] for path in made} == {b"\x01\0\0\0"}  # PEP 552: by hash, unchecked


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_artifact_is_small(function: str, built: Path) -> None:
    """A cold start reads it all: 80 MB unpacked are the budget, of Lambda's 250."""
    sizes = [path.stat().st_size for path in (built / function).rglob("*") if path.is_file()]

    assert sum(sizes) < 80_000_000
