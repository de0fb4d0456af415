"""Other gateways beside this one: those that `make bench-peers` has installed in build/peers.

Each has one route per case to the mock provider, with a key of its own if it knows keys, and no limits.
"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests.bench.process import environment
from tests.bench.target import CASES, PLAIN, ROUTES, Case, Target
from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import seal

FOLDER = Path(__file__).parents[2] / "build/peers"
KEY, PASSWORD = "sk-bench", "password-of-the-bench"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another gateway, and a file that exists if it is installed."""

    name: str
    what: str
    file: str
    target: Callable[
        [str, Path, Path, int], Target
    ]  # from the provider's URL, that file, a folder and a port


def installed(upstream: str, folder: Path) -> Iterator[Target]:
    """Write the configuration of every installed peer below a folder; yield their targets."""
    for peer in PEERS:
        if (FOLDER / peer.file).exists():
            anew = partial(_configured, peer, upstream, folder)
            yield replace(anew(), anew=anew)


def missing() -> Iterator[str]:
    """Yield a line for each peer that is not installed."""
    for peer in PEERS:
        if not (FOLDER / peer.file).exists():
            yield f"{peer.name} ({peer.what}) is not measured: build/peers/{peer.file} does not exist"


def _configured(peer: Peer, upstream: str, folder: Path) -> Target:
    home = Path(tempfile.mkdtemp(prefix=peer.name, dir=folder))
    return peer.target(upstream.removesuffix("/v1"), FOLDER / peer.file, home, _free_port())


def _original(root: str, program: Path, home: Path, port: int) -> Target:
    """Return the original VaultEdge (TypeScript), built in a clone at build/peers/vaultedge-typescript."""
    rows = (
        ("Mock", "/v1/chat/completions", "bearer", "bench", 9),
        ("Anthropic", "/v1/messages", "x-api-key", "claude", 8),
        ("Failing", "/e500/v1/chat/completions", "bearer", "failing", 1),
    )
    providers = [
        {
            "name": name,
            "baseUrl": root + path,
            "authScheme": scheme,
            "modelPrefixes": [prefix],
            "fallbackOrder": order,
        }
        for name, path, scheme, prefix, order in rows
    ]
    (home / "providers.yaml").write_text(json.dumps({"providers": providers}))
    # Its circuit breaker knows keys by their ends: equal ones would be paused together.
    vault = seal([Credential(name, f"sk-{name}-bench-{name}") for name, *_ in rows], PASSWORD)
    environ = _environ(
        home,
        VAULTEDGE_VAULT=vault,
        VAULTEDGE_PASSWORD=PASSWORD,
        VAULTEDGE_PORT=str(port),
        VAULTEDGE_SYSTEM_KEY=KEY,
        PROVIDERS_FILE=str(home / "providers.yaml"),
    )
    cases = {**CASES, "failover": Case("failing-bench")}
    return Target("original", (str(program),), environ, KEY, cases, (_node(),), port)


def _ferrogw(root: str, program: Path, home: Path, port: int) -> Target:
    """Return ferrogw. Its models are those of its catalog, so the path selects long streams."""
    names = ("openai", "anthropic")
    config = {"strategy": {"mode": "fallback"}, "targets": [{"virtual_key": name} for name in names]}
    (home / "config.yaml").write_text(json.dumps(config))
    environ = _environ(home, MASTER_KEY=KEY, GATEWAY_CONFIG=str(home / "config.yaml"), PORT=str(port))
    for name in names:
        environ |= {f"{name.upper()}_API_KEY": KEY, f"{name.upper()}_BASE_URL": f"{root}/long/v1"}
    environ["RATE_LIMIT_RPS"] = "0"
    plain, claude = Case("gpt-4o-mini"), Case("claude-haiku-4-5-20251001")
    cases = {"plain": plain, "stream": plain, "anthropic": claude, "anthropic_stream": claude}
    return Target("ferrogw", ("serve",), environ, KEY, cases, (str(program),), port)


def _rolter(root: str, program: Path, home: Path, port: int) -> Target:
    kinds = {"mock": "openai_compatible", "claude": "anthropic", "failing": "openai_compatible"}
    bases = {"mock": root, "claude": root, "failing": f"{root}/e500"}
    lines = ["[server]", 'host = "127.0.0.1"', f"port = {port}"]
    for name, kind in kinds.items():
        lines += ["[[providers]]", f'name = "{name}"', f'kind = "{kind}"', f'api_base = "{bases[name]}"']
        lines += ['api_key_env = "BENCH_KEY"']
    for model, names in ROUTES.items():
        lines += ["[[routes]]", f'model = "{model}"', "[[routes.variants]]", 'name = "main"', "weight = 1"]
        for provider, _, upstream_model in (name.partition("/") for name in names):
            lines += [
                "[[routes.variants.targets]]",
                f'provider = "{provider}"',
                f'model = "{upstream_model}"',
            ]
    lines += ["[[virtual_keys]]", f'key = "{KEY}"', 'name = "bench"', "models = []"]
    (home / "rolter.toml").write_text("\n".join(lines))
    arguments = ("gateway", "-c", str(home / "rolter.toml"))
    return Target("rolter", arguments, _environ(home, BENCH_KEY=KEY), KEY, CASES, (str(program),), port)


def _litellm(root: str, program: Path, home: Path, port: int) -> Target:
    def deployment(model: str, target: str) -> dict[str, object]:
        provider, _, upstream_model = target.partition("/")
        kind = "anthropic" if provider == "claude" else "openai"
        base = {"mock": f"{root}/v1", "claude": root, "failing": f"{root}/e500/v1"}[provider]
        return {
            "model_name": model,
            "litellm_params": {"model": f"{kind}/{upstream_model}", "api_base": base, "api_key": KEY},
        }

    config = {
        "model_list": [deployment(model, names[0]) for model, names in ROUTES.items()],
        "router_settings": {"fallbacks": [{"bench-failing": ["bench"]}], "num_retries": 0},
        "general_settings": {"master_key": KEY},
    }
    (home / "config.yaml").write_text(json.dumps(config))
    environ = _environ(home, LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_LOG="ERROR")
    flags = ["--config", str(home / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    arguments = [*flags, "--num_workers", "1"]
    return Target("litellm", arguments, environ, KEY, CASES, (str(program),), port)


def _portkey(root: str, program: Path, home: Path, port: int) -> Target:
    def headers(provider: str) -> dict[str, str]:
        return {"x-portkey-provider": provider, "x-portkey-custom-host": f"{root}/v1"}

    routes = [
        {"provider": "openai", "api_key": KEY, "custom_host": f"{root}{path}"} for path in ("/e500/v1", "/v1")
    ]
    fallback = json.dumps({"strategy": {"mode": "fallback"}, "targets": routes})
    cases = {
        **{name: Case(case.model, headers("openai")) for name, case in PLAIN.items()},
        "anthropic": Case("claude-bench", headers("anthropic")),
        "anthropic_stream": Case("claude-bench-long", headers("anthropic")),
        "failover": Case("bench", {"x-portkey-config": fallback}),
    }
    arguments = (str(program), f"--port={port}", "--headless")
    return Target("portkey", arguments, _environ(home), KEY, cases, (_node(),), port)


def _environ(home: Path, **more: str) -> dict[str, str]:
    environ = environment(HOME=str(home), **more)
    environ.pop("PYTHONPATH")
    return environ


def _node() -> str:
    return shutil.which("node") or "node"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


PEERS = (
    Peer(
        "original",
        "the original VaultEdge, TypeScript",
        "vaultedge-typescript/apps/proxy/dist/server.js",
        _original,
    ),
    Peer("ferrogw", "Go", "ferrogw/bin/ferrogw", _ferrogw),
    Peer("rolter", "Rust", "rolter/bin/rolter", _rolter),
    Peer("litellm", "Python", "litellm/bin/litellm", _litellm),
    Peer("portkey", "TypeScript", "portkey/node_modules/@portkey-ai/gateway/build/start-server.js", _portkey),
)
