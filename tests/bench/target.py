"""The measured servers: `vaultedge serve`, the bare proxy, and the mock provider itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.process import environment
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

SYSTEM_KEY, ADMIN_KEY = "ve-" + "0b" * 24, "va-" + "0c" * 24  # valid for this run only
START = "from vaultcore.cli.main import entry; entry()"


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and how to send requests to it."""

    name: str
    arguments: Sequence[str]  # of the Python interpreter
    environ: Mapping[str, str] = field(repr=False)
    key: str = field(default="sk-bench", repr=False)
    prefix: str = ""  # of model names

    def command(self, *options: str) -> list[str]:
        return [sys.executable, *options, *self.arguments]


def bare(upstream: str) -> Target:
    return Target("bare", ("-m", "tests.bench.bare"), environment(BENCH_UPSTREAM=upstream))


def vaultedge(upstream: str, home: Path) -> Target:
    """Return the gateway with a vault on disk and one key for the mock provider."""
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
    """Return the mock provider, for requests without a proxy."""
    return Target("direct", ("-m", "tests.bench.upstream"), environment())
