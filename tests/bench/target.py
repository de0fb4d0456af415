"""The measured servers: `vaultedge serve`, the bare proxy, and the mock provider itself."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.process import environment
from vaultcore.cli.main import main
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

SYSTEM_KEY, ADMIN_KEY = "ve-" + "0b" * 24, "va-" + "0c" * 24  # valid for this run only
START = "from vaultcore.cli.main import entry; entry()"
SERVE = ("-c", START, "serve", "--port", "0")
MODELS = ("bench", "bench-long")
LIMITS = (
    *("--rpm", "1000000", "--tpm", "1000000000", "--parallel", "1000", "--tokens", "1000000000000"),
    *("--credits", "100000", "--budget-day", "50000", "--budget-month", "90000"),
    *(word for model in MODELS for word in ("--model", f"mock/{model}")),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and how to send requests to it."""

    name: str
    arguments: Sequence[str]  # of the Python interpreter
    environ: Mapping[str, str] = field(repr=False)
    key: str = field(default="sk-bench", repr=False)

    def command(self, *options: str) -> list[str]:
        return [sys.executable, *options, *self.arguments]


def bare(upstream: str) -> Target:
    return Target("bare", ("-m", "tests.bench.bare"), environment(BENCH_UPSTREAM=upstream))


def vaultedge(upstream: str, home: Path) -> Target:
    """Return the gateway with a vault on disk and one provider key; requests have the system key."""
    return Target("vaultedge", SERVE, _environ(upstream, home), SYSTEM_KEY)


def limited(upstream: str, home: Path) -> Target:
    """Return the same gateway; requests have a virtual key with every limit, each too high to be reached."""
    environ = _environ(upstream, home)
    stdout, stderr = io.StringIO(), io.StringIO()
    if main(["keys", "create", "--json", "--name", "bench", *LIMITS], sys.stdin, stdout, stderr, environ):
        raise RuntimeError(f"no virtual key: {stderr.getvalue()}")
    return Target("vaultedge, limits", SERVE, environ, json.loads(stdout.getvalue())["key"])


def provider() -> Target:
    """Return the mock provider, for requests without a proxy."""
    return Target("direct", ("-m", "tests.bench.upstream"), environment())


def _environ(upstream: str, home: Path) -> dict[str, str]:
    """Write the vault and the catalog into a folder; return the environment of a gateway that uses them."""
    home.mkdir(exist_ok=True)
    LocalVault(home / "vault").add([Credential("mock", "sk-bench")])
    overlay = home / "providers.yaml"
    overlay.write_text(json.dumps(_catalog(upstream)))
    return environment(
        HOME=str(home),
        VAULTEDGE_HOME=str(home / "vault"),
        VAULTEDGE_SYSTEM_KEY=SYSTEM_KEY,
        VAULTEDGE_ADMIN_KEY=ADMIN_KEY,
        PROVIDERS_FILE=str(overlay),
    )


def _catalog(upstream: str) -> dict[str, object]:
    return {
        "providers": {"mock": {"base_url": upstream, "local": True, "static_models": list(MODELS)}},
        "models": {model: {"primary": f"mock/{model}"} for model in MODELS},
        "prices": {f"mock/{model}": {"input": 1, "output": 2} for model in MODELS},
    }
