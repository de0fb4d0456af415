"""AWS on this machine, for a deployed stack: ministack with `shim.py`, permissions enforced, all on loopback.

Functions run as processes of the emulator's group, with the emulator's environment beneath their own: what
they need of the test's world, they are told there, and the template stays as it is.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.handlers.sam import ROOT, sam_python
from tests.store.ministack import REGION

PYTHON = ROOT / ".venv-aws" / "bin" / "python"
STARTS = 60.0  # seconds that it may take to
CREDENTIALS = {  # the emulator's root user: permissions count for the functions' roles, not for it
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True, slots=True)
class Emulator:
    """Where it is, and what it said."""

    url: str
    log: Path

    @property
    def environ(self) -> dict[str, str]:
        """With which another process uses it."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url}

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")


@cache
def function_python() -> str:
    """The interpreter of the functions' runtime; where this machine has none the test is skipped."""
    homes = sorted(Path.home().glob(".pyenv/versions/3.13*/bin/python"))
    found = [os.environ.get("VAULTEDGE_FUNCTION_PYTHON"), sys.executable, str(sam_python()), *map(str, homes)]
    for each in [*found, shutil.which("python3.13")]:
        if each and _version(each) == "3.13":
            return each
    pytest.skip("no Python 3.13 for the functions: install one, or name it in VAULTEDGE_FUNCTION_PYTHON")


def _version(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], check=False, capture_output=True, text=True, timeout=30)
    return done.stdout.strip()


@contextmanager
def emulator(folder: Path, environ: Mapping[str, str]) -> Iterator[Emulator]:
    """It runs until the context ends, with all that it started, and leaves nothing outside of the folder."""
    if not PYTHON.exists():
        raise RuntimeError("no ministack in .venv-aws: `make test` and `make test-deploy` make it")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    scratch = folder / "functions"
    scratch.mkdir()
    made = Emulator(f"http://127.0.0.1:{port}", folder / "emulator.txt")
    with made.log.open("wb") as sink:
        process = subprocess.Popen(
            [str(PYTHON), str(ROOT / "tests/deploy/shim.py")],
            cwd=folder,
            env={
                "PATH": os.defpath,
                "HOME": str(folder),
                "TMPDIR": str(scratch),
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "IOT_MTLS_ENABLED": "0",
                "AUTH": "true",
                "FUNCTION_PYTHON": function_python(),
                **CREDENTIALS,
                **environ,
            },
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await(made, process)
        yield made
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # SIGTERM would leave the functions running
        process.wait()
        shutil.rmtree(scratch, ignore_errors=True)


def _await(made: Emulator, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STARTS
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{made.url}/_ministack/health", timeout=2):
                return
        except OSError:
            time.sleep(0.05)  # it says nowhere that it is ready
    raise RuntimeError(f"ministack did not come up: {made.said()[-2000:]}")
