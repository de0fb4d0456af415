"""AWS on this machine for a deployed stack: ministack with `shim.py`, with permissions enforced, on loopback.

Functions run as processes of the emulator's group and inherit its environment, which has the test's settings;
the template stays unchanged.
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
START_TIMEOUT = 60.0  # seconds
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
    """The emulator's URL and its log file."""

    url: str
    log: Path

    @property
    def environ(self) -> dict[str, str]:
        """The environment for processes that use the emulator."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url}

    def read_log(self) -> str:
        return self.log.read_text("utf-8", "replace")


@cache
def function_python() -> str:
    """Return the interpreter of the functions' runtime; skip the test without it."""
    homes = sorted(Path.home().glob(".pyenv/versions/3.13*/bin/python"))
    candidates = [
        os.environ.get("VAULTEDGE_FUNCTION_PYTHON"),
        sys.executable,
        str(sam_python()),
        *map(str, homes),
    ]
    for each in [*candidates, shutil.which("python3.13")]:
        if each and _version(each) == "3.13":
            return each
    pytest.skip("no Python 3.13 for the functions: install one, or set VAULTEDGE_FUNCTION_PYTHON")


def _version(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], check=False, capture_output=True, text=True, timeout=30)
    return done.stdout.strip()


@contextmanager
def run_emulator(folder: Path, environ: Mapping[str, str]) -> Iterator[Emulator]:
    """Run the emulator inside the context, with everything it starts; leave no files outside the folder."""
    if not PYTHON.exists():
        raise RuntimeError("no ministack in .venv-aws: `make test` and `make test-deploy` install it")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    scratch = folder / "functions"
    scratch.mkdir()
    instance = Emulator(f"http://127.0.0.1:{port}", folder / "emulator.txt")
    with instance.log.open("wb") as sink:
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
        _await(instance, process)
        yield instance
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # SIGTERM would leave the functions running
        process.wait()
        shutil.rmtree(scratch, ignore_errors=True)


def _await(instance: Emulator, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{instance.url}/_ministack/health", timeout=2):
                return
        except OSError:
            time.sleep(0.05)  # it does not report when it is ready
    raise RuntimeError(f"ministack did not start: {instance.read_log()[-2000:]}")
