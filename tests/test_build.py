"""The result of `sam build` without Docker: its content, and that builds are reproducible."""

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
NOT_BUNDLED = {"boto3", "s3transfer"}  # locked but not bundled; the gateway uses botocore
COMPILERS = sorted(Path.home().glob(".pyenv/versions/3.13*/bin/python"))  # as in build.mk
SMALL = 32_500_000  # bytes, with 2 MB of machine code of httptools and 0.3 MB of orjson
SMALL_ENOUGH = 45_000_000  # bytes, with FastAPI and pydantic's 5 MB of machine code


@contextmanager
def build_lock() -> Iterator[None]:
    """Allow one worker at a time: builds share installed files."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def build_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    environ = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-central-1"}
    command = [str(sam_python()), "-m", "samcli", "build", "--build-dir", str(folder)]
    with build_lock():
        completed = subprocess.run(
            command, check=False, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300
        )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_artifact_contains_exactly_what_it_needs(function: str, build_folder: Path) -> None:
    """Our code without the command line, requirements for arm64, a wrapper, the console once, and no junk."""
    files = {
        path.relative_to(build_folder / function).as_posix() for path in (build_folder / function).rglob("*")
    }
    ours = {path.relative_to(ROOT).as_posix() for path in (ROOT / "vaultcore").rglob("*.py")}
    is_admin = function == "AdminFunction"
    excluded = build_bundle.excluded_folders(FUNCTIONS[function])
    needed = {name for name in ours if not name.startswith(tuple(f"{folder}/" for folder in excluded))}

    assert {name for name in files if re.match(r"vaultcore/.*\.py$", name)} == needed
    assert {
        "handlers/stream.py",
        "handlers/run_stream",
        "mangum/__init__.py",
        "botocore/__init__.py",
    } <= files
    assert ("fastapi/__init__.py" in files) == is_admin
    assert (build_folder / function / "handlers" / "run_stream").stat().st_mode & 0o111 == 0o111
    assert not [name for name in files if JUNK.search(name)]
    pages = ["vaultcore/console/index.html"] if function == "StreamFunction" else []
    assert [name for name in files if name.endswith("index.html")] == pages
    assert not [name for name in files if name.endswith(".so") and "x86_64" in name]
    assert [name for name in files if name.endswith("aarch64-linux-gnu.so")]


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_byte_code_is_never_stale(function: str, build_folder: Path) -> None:
    """Byte code does not depend on time stamps, which deployment packages do not keep."""
    compiled = list((build_folder / function / "vaultcore").rglob("*.pyc"))
    if not compiled:
        pytest.skip("no Python 3.13 on this machine: the functions compile when they start")

    assert {path.read_bytes()[4:8] for path in compiled} == {b"\x01\0\0\0"}  # PEP 552: by hash, unchecked


@pytest.mark.slow
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_artifact_is_small(function: str, build_folder: Path) -> None:
    """Unpacked, a function has at most 32.5 MB, the one with FastAPI 45: cold starts read it."""
    size = build_bundle.size(build_folder / function)

    assert size < (SMALL_ENOUGH if function == "AdminFunction" else SMALL)


@pytest.mark.slow
def test_builds_are_reproducible(build_folder: Path, tmp_path: Path) -> None:
    """Another folder, umask and interpreter give identical files."""
    again = tmp_path / "elsewhere"
    options = ["--libs", LIBS, "--into", again, "--zip", tmp_path / "again.zip"]
    options += ["--compiler", sam_python(), "python3.13", *COMPILERS]
    before = os.umask(0o077)
    try:
        completed = subprocess.run(
            [sys.executable, "-m", "tools.build_bundle", "stream", *map(str, options)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.umask(before)
    assert completed.returncode == 0, completed.stderr
    build_bundle.pack(build_folder / "StreamFunction", tmp_path / "first.zip")

    assert _manifest(again) == _manifest(build_folder / "StreamFunction")
    assert completed.stdout.split()[0] == build_bundle.digest(build_folder / "StreamFunction")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("function", "bundle"), FUNCTIONS.items())
def test_the_bill_of_materials_matches_the_lock(function: str, bundle: str, build_folder: Path) -> None:
    """It lists exactly the artifact's distributions, with versions and hashes of the lock."""
    bill = json.loads((build_folder / function / build_bundle.SBOM).read_bytes())
    components = {each["name"]: each for each in bill["components"]}
    lock = locked.parse_pins((ROOT / "requirements.txt").read_text("utf-8"))
    installed = {
        re.sub(r"[-_.]+", "-", path.stem.partition("-")[0]).lower()
        for path in (build_folder / function).glob("*.dist-info")
    }

    assert components.keys() == installed
    assert {name: each["version"] for name, each in components.items()} == {
        name: lock[name].version for name in components
    }
    assert all(each["hashes"][0]["content"] in lock[name].hashes for name, each in components.items())
    assert all(each["licenses"] for each in components.values())
    assert [components[name]["purl"] for name in components] == [
        f"pkg:pypi/{n}@{lock[n].version}" for n in components
    ]
    assert bundle != "admin" or components.keys() == lock.keys() - NOT_BUNDLED - build_bundle.UNUSED
    assert (ROOT / "build" / f"{bundle}-arm64.cdx.json").read_bytes() == (
        build_folder / function / build_bundle.SBOM
    ).read_bytes()


def _manifest(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mode, path.read_bytes())
        for path in build_bundle.files(folder)
    }
