"""What is measured: this gateway as `vaultedge serve` starts it, and the pass-through beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.process import environment
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

SYSTEM_KEY, ADMIN_KEY = "ve-" + "0b" * 24, "va-" + "0c" * 24  # open nothing but this run's server
START = "from vaultcore.cli.main import entry; entry()"


@dataclass(frozen=True, slots=True)
class Target:
    """A server and how to ask it."""

    name: str
    arguments: Sequence[str]  # of the Python that runs it
    environ: Mapping[str, str] = field(repr=False)
    key: str = field(default="sk-bench", repr=False)
    prefix: str = ""  # of the models' names

    def command(self, *options: str) -> list[str]:
        return [sys.executable, *options, *self.arguments]


def bare(upstream: str) -> Target:
    return Target("bare", ("-m", "tests.bench.bare"), environment(BENCH_UPSTREAM=upstream))


def vaultedge(upstream: str, home: Path) -> Target:
    """The gateway over a vault on disk, with one key for a provider that is the mock."""
    LocalVault(home / "vault").add([Credential("mock", "sk-bench")])
    overlay = home / "providers.yaml"
    overlay.write_text(json.dumps({"providers": {"mock": {"base_url": upstream, "local": True}}}))
    environ = environment(
        HOME=str(home),
        VAULTEDGE_HOME=str(home / "vault"),
        VAULTEDGE_SYSTEM_KEY=SYSTEM_KEY,
        VAULTEDGE_ADMIN_KEY=ADMIN_KEY,
        PROVIDERS_FILE=str(overlay),
    )
    return Target("vaultedge", ("-c", START, "serve", "--port", "0"), environ, SYSTEM_KEY, "mock/")


def provider() -> Target:
    """The mock itself, asked directly: what remains of a request without anything in between."""
    return Target("direct", ("-m", "tests.bench.upstream"), environment())
