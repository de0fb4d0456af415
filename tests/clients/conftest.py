"""Real client libraries against a served gateway: `make test-clients`, in an environment of their own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
SERVER = os.environ.get("VAULTEDGE_PYTHON", "")  # the gateway's own interpreter
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

# Where nobody says what serves the gateway, as in `make test`, there are no client libraries either.
collect_ignore_glob = [] if SERVER else ["test_*.py"]


@dataclass(frozen=True, slots=True)
class House:
    """A gateway in a process of its own, and the simulated providers behind it."""

    process: subprocess.Popen[str]
    url: str
    key: str

    def asked(self) -> list[dict[str, Any]]:
        """What the providers have been asked since the last time."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        told = json.loads(self.process.stdout.readline())
        assert isinstance(told, list)
        return told


@pytest.fixture(scope="session")
def served_house() -> Iterator[House]:
    process = subprocess.Popen(
        [SERVER, "-m", "tests.clients.served_gateway"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield House(process, **json.loads(process.stdout.readline()))
    finally:
        process.communicate(timeout=30)


@pytest.fixture
def house(served_house: House) -> House:
    """The house, with nothing asked so far."""
    served_house.asked()
    return served_house


@pytest.fixture(params=["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "anthropic/claude-simulated"])
def model(request: pytest.FixtureRequest) -> str:
    """An OpenAI-style provider, an Anthropic-style one that takes schemas, one that is told them in words."""
    return str(request.param)
