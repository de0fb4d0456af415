"""The measured servers of this repository: `vaultedge serve`, two baselines, and the mock provider itself."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.process import environment
from vaultcore.cli.main import main
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

SYSTEM_KEY, ADMIN_KEY = "ve-" + "0b" * 24, "va-" + "0c" * 24  # valid for this run only
START = "from vaultcore.cli.main import entry; entry()"
SERVE = ("-c", START, "serve", "--port", "0")
ROUTES = {  # model: targets
    "bench": ("mock/bench",),
    "bench-long": ("mock/bench-long",),
    "claude-bench": ("claude/claude-bench",),
    "claude-bench-long": ("claude/claude-bench-long",),
    "bench-failing": ("failing/bench", "mock/bench"),
}
TARGETS = sorted({name for names in ROUTES.values() for name in names})
LIMITS = (
    *("--rpm", "1000000", "--tpm", "1000000000", "--parallel", "1000", "--tokens", "1000000000000"),
    *("--credits", "100000", "--budget-day", "50000", "--budget-month", "90000"),
    *(word for name in TARGETS for word in ("--model", name)),
)


@dataclass(frozen=True, slots=True)
class Case:
    """A model of a server, and additional request headers."""

    model: str
    headers: Mapping[str, str] = field(default_factory=dict)


PLAIN = {"plain": Case("bench"), "stream": Case("bench-long")}
CASES = {  # of a gateway that translates for Anthropic and uses the second target of a route
    **PLAIN,
    "anthropic": Case("claude-bench"),
    "anthropic_stream": Case("claude-bench-long"),
    "failover": Case("bench-failing"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and how to send requests to it."""

    name: str
    arguments: Sequence[str]  # of the Python interpreter
    environ: Mapping[str, str] = field(repr=False)
    key: str = field(default="sk-bench", repr=False)
    cases: Mapping[str, Case] = field(default_factory=lambda: CASES)
    program: Sequence[str] = (sys.executable,)
    port: int | None = None  # where it listens, if it does not print its URL
    anew: Callable[[], Target] | None = None  # returns the same on another port, for a second process

    def command(self, *options: str) -> list[str]:
        return [*self.program, *options, *self.arguments]


def bare(upstream: str) -> Target:
    """Return the baseline with Starlette on the gateway's own transport."""
    environ = environment(BENCH_UPSTREAM=upstream)
    return Target("bare", ("-m", "tests.bench.bare"), environ, cases=PLAIN)


def raw(upstream: str) -> Target:
    """Return the baseline without a framework."""
    environ = environment(BENCH_UPSTREAM=upstream)
    return Target("raw", ("-m", "tests.bench.raw"), environ, cases=PLAIN)


def vaultedge(upstream: str, home: Path) -> Target:
    """Return the gateway with a vault on disk; requests have the system key."""
    return Target("vaultedge", SERVE, _environ(upstream, home), SYSTEM_KEY)


def limited(upstream: str, home: Path) -> Target:
    """Return the same gateway; requests have a virtual key with every limit, each too high to be reached."""
    environ = _environ(upstream, home)
    stdout, stderr = io.StringIO(), io.StringIO()
    if main(["keys", "create", "--json", "--name", "bench", *LIMITS], sys.stdin, stdout, stderr, environ):
        raise RuntimeError(f"no virtual key: {stderr.getvalue()}")
    return Target("+ limits", SERVE, environ, json.loads(stdout.getvalue())["key"])


def provider() -> Target:
    """Return the mock provider, for requests without a proxy."""
    return Target("direct", ("-m", "tests.bench.upstream"), environment(), cases=CASES)


def _environ(upstream: str, home: Path) -> dict[str, str]:
    """Write the vault and the catalog into a folder; return the environment of a gateway that uses them."""
    home.mkdir(exist_ok=True)
    LocalVault(home / "vault").add(
        [Credential(name, f"sk-{name}") for name in sorted({each.partition("/")[0] for each in TARGETS})]
    )
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
    root = upstream.removesuffix("/v1")
    return {
        "providers": {
            "mock": {"base_url": upstream, "local": True, "static_models": ["bench", "bench-long"]},
            "claude": {"base_url": upstream, "local": True, "dialect": "anthropic"},
            "failing": {"base_url": f"{root}/e500/v1", "local": True},
        },
        "models": {
            model: {"primary": first, **({"fallbacks": fallbacks} if fallbacks else {})}
            for model, (first, *fallbacks) in ROUTES.items()
        },
        "prices": {name: {"input": 1, "output": 2} for name in TARGETS},
    }
