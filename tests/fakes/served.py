"""`vaultedge serve` as users start it: a process of its own, over a vault in a directory of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import httpx

from vaultcore.simulators.server import Simulator
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

ROOT = Path(__file__).parent.parent.parent
COMMAND = (sys.executable, "-m", "vaultcore.cli")
OVERLAY = """\
providers:
{rows}
models:
  fast-llm: {{primary: openai/gpt-4o-mini, fallbacks: [anthropic/claude-simulated]}}
"""
ROW = '  {name}: {{base_url: "{url}", local: true}}'


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway that runs, and what it said at its start."""

    process: subprocess.Popen[str]
    said: dict[str, str]
    errors: Path

    @property
    def url(self) -> str:
        return self.said["base url"].removesuffix("/v1")

    @property
    def key(self) -> str:
        return self.said["system key"]

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """The exit status it ends with."""
        self.process.send_signal(how)
        return self.process.wait(20)


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Of a user whose home is a directory of the test's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VAULTEDGE_", "AWS_"))}
    return {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **more}


def fill(home: Path, simulators: Mapping[str, Simulator]) -> Path:
    """Put the simulators' keys into the vault of a home; the overlay that leads to them."""
    vault = LocalVault(home / ".vaultedge")
    vault.add(Credential(each.name, each.key) for each in simulators.values())
    overlay = home / "providers.yaml"
    rows = "\n".join(ROW.format(name=name, url=each.base_url) for name, each in simulators.items())
    overlay.write_text(OVERLAY.format(rows=rows))
    return overlay


@contextmanager
def served(
    home: Path, *arguments: str, environ: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Served]:
    """Run `vaultedge serve` on a free port until the context ends."""
    errors = home / "stderr.txt"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", *arguments],
            cwd=home,
            env=environment(home, environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        yield Served(process, _said(process, errors), errors)
    finally:
        process.kill()
        process.communicate()


def _said(process: subprocess.Popen[str], errors: Path) -> dict[str, str]:
    """The lines at the start, as name -> rest, read once the gateway answers."""
    assert process.stdout is not None
    said: dict[str, str] = {}
    while "vault" not in said:  # the last line
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"serve ended with {process.wait()}: {errors.read_text()}")
        said[line[:12].strip()] = line[12:].strip()
    httpx.get(said["base url"].replace("/v1", "/health"), trust_env=False).raise_for_status()
    return said
