"""The programs and files of examples/: each runs as its README says, against simulated providers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.fakes.served import ROOT, TWO_WORKERS, GatewayProcess, run_serve
from vaultcore.simulators.faults import InjectedFault
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

EXAMPLES = ROOT / "examples"
NODE_MODULES = ROOT / "build" / "node" / "node_modules"
TESTED = {
    "README.md",
    "curl.sh",
    "in_process.py",
    "openai_node.mjs",
    "openai_python.py",
    "own_provider/providers.yaml",
    "route_with_fallback/README.md",
    "route_with_fallback/providers.yaml",
}


@dataclass(frozen=True)
class ExampleGateway:
    """A served gateway with the providers file of an example and simulated providers."""

    process: GatewayProcess
    home: Path
    overlay: Path
    simulators: dict[str, Simulator]

    @property
    def environ(self) -> dict[str, str]:
        """The variables that examples/README.md asks for."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "OPENAI_BASE_URL": f"{self.process.url}/v1",
            "OPENAI_API_KEY": self.process.key,
            "MODEL": "fast-llm",
        }

    def complete(self, model: str) -> httpx.Response:
        return httpx.post(
            f"{self.process.url}/v1/chat/completions",
            headers={"authorization": f"Bearer {self.process.key}"},
            json={"model": model, "messages": [{"role": "user", "content": "Why is the sky blue?"}]},
            trust_env=False,
        )


@contextmanager
def serve_example(home: Path, file: Path, dialects: dict[str, str]) -> Iterator[ExampleGateway]:
    """Serve an example's providers file with the addresses of its providers replaced by simulators."""
    with simulated(dialects) as simulators:
        document: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
        rows = document.setdefault("providers", {})
        for name, simulator in simulators.items():
            rows[name] = {**rows.get(name, {}), "base_url": simulator.base_url, "local": True}
        LocalVault(home / ".vaultedge").add(Credential(name, each.key) for name, each in simulators.items())
        overlay = home / "providers.yaml"
        overlay.write_text(yaml.safe_dump(document))
        with run_serve(home, "--providers", str(overlay), environ=TWO_WORKERS) as gateway:
            yield ExampleGateway(gateway, home, overlay, simulators)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExampleGateway]:
    """The example of a route with fallbacks."""
    dialects = {"groq": "openai", "openai": "openai", "anthropic": "anthropic"}
    file = EXAMPLES / "route_with_fallback/providers.yaml"
    with serve_example(tmp_path_factory.mktemp("home"), file, dialects) as example:
        yield example


def run(*command: str, environ: dict[str, str], cwd: Path | None = None) -> str:
    """Run a program to its end and return its output. Fails the test if it fails."""
    done = subprocess.run(
        command, env=environ, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_program_output(output: str) -> None:
    """Both SDK examples print the same lines."""
    printed = dict(line.split(": ", 1) for line in output.splitlines())
    assert "Why is the sky blue?" in printed["completion"]
    assert printed["stream"] == printed["completion"]
    assert (printed["provider"], printed["attempts"]) == ("groq", "1")
    assert printed["error"] == "404 model_not_found"


def test_every_example_is_listed() -> None:
    """examples/ has no file that these tests do not know, and its README names each of them."""
    files = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*") if path.is_file()}
    readme = (EXAMPLES / "README.md").read_text("utf-8")

    assert {name for name in files if "__pycache__" not in name} == TESTED
    assert [name for name in TESTED if not name.endswith("README.md") and f"`{name}`" not in readme] == []


def test_openai_python(gateway: ExampleGateway) -> None:
    """The Python SDK gets a completion, the same text as a stream, headers and a typed error."""
    output = run(sys.executable, str(EXAMPLES / "openai_python.py"), environ=gateway.environ)

    assert_program_output(output)


def test_openai_node(gateway: ExampleGateway, tmp_path: Path) -> None:
    """The Node SDK gets the same."""
    node = shutil.which("node")
    if node is None or not (NODE_MODULES / "openai").is_dir():
        pytest.skip("node or npm's openai package is not installed: make build/node/.installed")
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    program = shutil.copy(EXAMPLES / "openai_node.mjs", tmp_path)
    output = run(node, str(program), environ=gateway.environ)

    assert_program_output(output)


def test_curl(gateway: ExampleGateway) -> None:
    """curl gets headers and a completion, a stream that ends with [DONE], and an error."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    output = run("sh", str(EXAMPLES / "curl.sh"), environ={**gateway.environ, "NO_PROXY": "*"})

    assert "x-vaultedge-provider: groq" in output
    assert "data: [DONE]" in output
    assert json.loads(output.splitlines()[-1])["error"]["code"] == "model_not_found"


def test_in_process(gateway: ExampleGateway) -> None:
    """The gateway answers as a library, with the vault on disk and a providers file."""
    environ = {**gateway.environ, "PYTHONPATH": str(ROOT), "PROVIDERS_FILE": str(gateway.overlay)}
    output = run(sys.executable, str(EXAMPLES / "in_process.py"), environ=environ)

    assert "Why is the sky blue?" in output
    assert "provider: groq" in output


def test_route_with_fallback(gateway: ExampleGateway) -> None:
    """If the primary target fails, the first fallback answers; an alias leads to the same route."""
    gateway.simulators["groq"].script.queue("llama-3.3-70b-versatile", InjectedFault(status=401))
    failed_over, next_one = gateway.complete("fast-llm"), gateway.complete("default")

    assert failed_over.headers["x-vaultedge-provider"] == "openai"
    assert failed_over.headers["x-vaultedge-attempts"] == "2"
    assert next_one.status_code == 200


def test_own_provider(tmp_path: Path) -> None:
    """A provider of one's own serves its prefix and its route, at its price."""
    file = EXAMPLES / "own_provider/providers.yaml"
    with serve_example(tmp_path, file, {"acme": "openai"}) as example:
        by_prefix, by_route = example.complete("acme-small"), example.complete("smart")

    assert by_prefix.headers["x-vaultedge-provider"] == "acme"
    assert by_route.headers["x-vaultedge-model"] == "acme-large"
    assert float(by_route.headers["x-vaultedge-cost-usd"]) > 0
