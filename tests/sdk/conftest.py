"""A served gateway over simulated providers, for the official SDKs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.served import TWO_WORKERS, GatewayProcess, prepare_home, run_serve
from vaultcore.simulators.server import Simulator, simulated


@dataclass(frozen=True, slots=True)
class SdkGateway:
    """A served gateway and its simulated providers."""

    process: GatewayProcess
    simulators: dict[str, Simulator]

    @property
    def url(self) -> str:
        return f"{self.process.url}/v1"

    @property
    def key(self) -> str:
        return self.process.key


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SdkGateway]:
    home: Path = tmp_path_factory.mktemp("home")
    dialects = {name: name for name in ("openai", "anthropic", "gemini", "cohere", "mistral")}
    with simulated(dialects) as simulators:
        overlay = prepare_home(home, simulators)
        with run_serve(home, "--providers", str(overlay), environ=TWO_WORKERS) as running:
            yield SdkGateway(running, simulators)


@pytest.fixture(
    params=[
        "openai/gpt-4o-mini",
        "anthropic/claude-simulated",
        "cohere/command-a-03-2025",
        "mistral/mistral-large-latest",
    ]
)
def model(request: pytest.FixtureRequest) -> str:
    """Return one model of each dialect."""
    return str(request.param)
