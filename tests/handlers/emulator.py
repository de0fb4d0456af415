"""AWS's Lambda runtime interface emulator around one of our entry points."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.handlers import sam


@dataclass(frozen=True)
class Emulator:
    port: int
    output: Path  # file with the function's output
    pid: int  # of the emulator; the function is its child process

    def invoke(self, event: bytes) -> tuple[int, bytes]:
        """Return status and body of the emulator's response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/2015-03-31/functions/function/invocations", event)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@contextmanager
def run_emulator(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> Iterator[Emulator]:
    """Run the emulator with `command` as its runtime, in its own process group."""
    binary, (front, api) = sam.emulator(), _free_ports()
    flags = ["--runtime-interface-emulator-address", f"127.0.0.1:{front}"]
    flags += ["--runtime-api-address", f"127.0.0.1:{api}", "--log-level", "error"]
    output = folder / "output.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [str(binary), *flags, *command],
            env={**environ, "AWS_LAMBDA_FUNCTION_TIMEOUT": "60"},
            cwd=folder,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _await_port(front)
            yield Emulator(front, output, process.pid)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def _await_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)  # the emulator does not report when it is ready
        else:
            return
    raise AssertionError("the emulator did not start")
