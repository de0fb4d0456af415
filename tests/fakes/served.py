"""Runs `vaultedge serve` in its own process, with a vault in a temporary home directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
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
TWO_WORKERS = {"VAULTEDGE_WORKERS": "2"}
ROW = '  {name}: {{base_url: "{url}", local: true}}'


@dataclass(frozen=True, slots=True)
class GatewayProcess:
    """A running `vaultedge serve`, and the lines it printed at its start, by name."""

    process: subprocess.Popen[str]
    printed: dict[str, str]
    errors: Path

    @property
    def url(self) -> str:
        return self.printed["base url"].removesuffix("/v1")

    @property
    def key(self) -> str:
        return self.printed["system key"]

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Stop the process with a signal; return its exit status."""
        self.process.send_signal(how)
        return self.process.wait(20)


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a user with this home directory."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("VAULTEDGE_", "AWS_"))
    }
    return {**inherited, "HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **more}


def prepare_home(home: Path, simulators: Mapping[str, Simulator]) -> Path:
    """Store the simulators' keys in the vault of a home; return the path of an overlay with their URLs."""
    vault = LocalVault(home / ".vaultedge")
    vault.add(Credential(each.name, each.key) for each in simulators.values())
    overlay = home / "providers.yaml"
    rows = "\n".join(ROW.format(name=name, url=each.base_url) for name, each in simulators.items())
    overlay.write_text(OVERLAY.format(rows=rows))
    return overlay


@contextmanager
def run_serve(
    home: Path,
    *arguments: str,
    environ: Mapping[str, str] = MappingProxyType({}),
    wrapper: Sequence[str] = (),
) -> Iterator[GatewayProcess]:
    """Run `vaultedge serve` on a free port while the context is open; the command `wrapper` runs it.

    It has one process, which starts sooner than several, unless `environ` has TWO_WORKERS.
    """
    errors = home / "stderr.txt"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [*wrapper, *COMMAND, "serve", "--port", "0", *arguments],
            cwd=home,
            env=environment(home, {"VAULTEDGE_WORKERS": "1", **environ}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        yield GatewayProcess(process, _read_start(process, errors), errors)
    finally:
        process.kill()
        process.communicate()


def _read_start(process: subprocess.Popen[str], errors: Path) -> dict[str, str]:
    """Return the printed lines as name -> value, once the gateway responds."""
    assert process.stdout is not None
    lines: dict[str, str] = {}
    while "vault" not in lines:  # the last line
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"serve ended with {process.wait()}: {errors.read_text()}")
        lines[line[:12].strip()] = line[12:].strip()
    httpx.get(lines["base url"].replace("/v1", "/health"), trust_env=False).raise_for_status()
    return lines
