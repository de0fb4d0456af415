"""Client libraries against a served gateway: `make test-clients`, in their own environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
SERVER = os.environ.get("VAULTEDGE_PYTHON", "")  # the interpreter that runs the gateway
IMAGE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

# Without the variable, as in `make test`, the client libraries are not installed.
collect_ignore_glob = [] if SERVER else ["test_*.py"]
LIBRARIES = {  # file -> a library that only one of the two environments has
    "test_instructor.py": "instructor",
    "test_langchain.py": "langchain_openai",
    "test_litellm.py": "dspy",  # the environment whose mcp litellm imports with
    "test_llama_index.py": "llama_index",
    "test_openai_agents.py": "agents",
    "test_pydantic_ai.py": "pydantic_ai",
}
collect_ignore = [file for file, name in LIBRARIES.items() if find_spec(name) is None]


@dataclass(frozen=True, slots=True)
class GatewayProcess:
    """A gateway in its own process, and its simulated providers."""

    process: subprocess.Popen[str]
    url: str
    key: str

    def take_requests(self) -> list[dict[str, Any]]:
        """Return the requests that the providers received since the previous call."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        requests = json.loads(self.process.stdout.readline())
        assert isinstance(requests, list)
        return requests


@pytest.fixture(scope="session")
def gateway_process() -> Iterator[GatewayProcess]:
    process = subprocess.Popen(
        [SERVER, "-m", "tests.clients.served_gateway"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield GatewayProcess(process, **json.loads(process.stdout.readline()))
    finally:
        process.communicate(timeout=30)


@pytest.fixture
def gateway(gateway_process: GatewayProcess) -> GatewayProcess:
    """Return the gateway after its earlier provider requests have been discarded."""
    gateway_process.take_requests()
    return gateway_process


@pytest.fixture(params=["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "anthropic/claude-simulated"])
def model(request: pytest.FixtureRequest) -> str:
    """Return an OpenAI-style model, and Anthropic-style ones with and without native schemas."""
    return str(request.param)


@pytest.fixture(params=["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash"])
def other_model(request: pytest.FixtureRequest) -> str:
    """Return models of three dialects: two of them are not those of the client's SDK."""
    return str(request.param)
