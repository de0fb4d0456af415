"""What `sam build` leaves to be deployed, without Docker: what is in it, and that it is always the same."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.handlers.sam import ROOT, sam_python
from tools import build_bundle, locked

JUNK = re.compile(
    r"\.pth$|\.pyi$|/tests?/|^tests/|^bin/|/RECORD$|\.installed$|^tools/|\.pyc$(?<!cpython-313\.pyc)"
)
FUNCTIONS = {"StreamFunction": "stream", "AdminFunction": "admin", "UpkeepFunction": "upkeep"}
LIBS = ROOT / "build" / "locked-arm64"
PROVIDED = {"boto3", "s3transfer"}  # locked, for who wants them; the gateway calls botocore
COMPILERS = sorted(Path.home().glob(".pyenv/versions/3.13*/bin/python"))  # as build.mk has them
SMALL = 30_000_000
SMALL_ENOUGH = 45_000_000  # with FastAPI, and pydantic's 5 MB of machine code


@contextmanager
def alone() -> Iterator[None]:
    """One worker at a time: builds share what they install."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    environ = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-central-1"}
    command = [str(sam_python()), "-m", "samcli", "build", "--build-dir", str(folder)]
    with alone():
        done = subprocess.run(
            command, check=False, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_artifact_holds_what_it_needs_and_no_more(function: str, built: Path) -> None:
    """Ours but for the command line's, requirements for arm64, a wrapper, the console once, and no junk."""
    files = {path.relative_to(built / function).as_posix() for path in (built / function).rglob("*")}
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "vaultcore").rglob("*.py")}
    administers = function == "AdminFunction"
    without = build_bundle.without(FUNCTIONS[function])
    needed = {name for name in ours if not name.startswith(without)}

    assert {name for name in files if re.match(r"vaultcore/.*\.py$", name)} == needed
    assert {
        "handlers/stream.py",
        "handlers/run_stream",
        "mangum/__init__.py",
        "botocore/__init__.py",
    } <= files
    assert ("fastapi/__init__.py" in files) == administers
    assert (built / function / "handlers" / "run_stream").stat().st_mode & 0o111 == 0o111
    assert not [name for name in files if JUNK.search(name)]
    pages = ["vaultcore/console/index.html"] if function == "StreamFunction" else []
    assert [name for name in files if name.endswith("index.html")] == pages
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
    """A cold start reads it: 30 MB unpacked are the budget, and 45 for the one function that has FastAPI."""
    size = build_bundle.size(built / function)

    assert size < (SMALL_ENOUGH if function == "AdminFunction" else SMALL)


@pytest.mark.slow
def test_two_builds_are_the_same(built: Path, tmp_path: Path) -> None:
    """Another folder, another umask and another interpreter that assembles give the same files to the bit."""
    again = tmp_path / "elsewhere"
    options = ["--libs", LIBS, "--into", again, "--zip", tmp_path / "again.zip"]
    options += ["--compiler", sam_python(), "python3.13", *COMPILERS]
    before = os.umask(0o077)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tools.build_bundle", "stream", *map(str, options)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    build_bundle.pack(built / "StreamFunction", tmp_path / "first.zip")

    assert _manifest(again) == _manifest(built / "StreamFunction")
    assert done.stdout.split()[0] == build_bundle.digest(built / "StreamFunction")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("function", "bundle"), FUNCTIONS.items())
def test_the_bill_of_materials_is_the_lock(function: str, bundle: str, built: Path) -> None:
    """It names what distributions the artifact has and no other, by versions and archives of the lock."""
    bill = json.loads((built / function / build_bundle.BILL).read_bytes())
    named = {each["name"]: each for each in bill["components"]}
    lock = locked.pins((ROOT / "requirements.txt").read_text("utf-8"))
    there = {
        re.sub(r"[-_.]+", "-", path.stem.partition("-")[0]).lower()
        for path in (built / function).glob("*.dist-info")
    }

    assert named.keys() == there
    assert {name: each["version"] for name, each in named.items()} == {
        name: lock[name].version for name in named
    }
    assert all(each["hashes"][0]["content"] in lock[name].hashes for name, each in named.items())
    assert all(each["licenses"] for each in named.values())
    assert [named[name]["purl"] for name in named] == [f"pkg:pypi/{n}@{lock[n].version}" for n in named]
    assert bundle != "admin" or named.keys() == lock.keys() - PROVIDED - build_bundle.NEEDLESS
    assert (ROOT / "build" / f"{bundle}-arm64.cdx.json").read_bytes() == (
        built / function / build_bundle.BILL
    ).read_bytes()


def _manifest(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mode, path.read_bytes())
        for path in build_bundle.files(folder)
    }
