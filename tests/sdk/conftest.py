from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.served import Served, fill, served
from vaultcore.simulators.server import Simulator, simulated


@dataclass(frozen=True, slots=True)
class House:
    """A gateway that is served, and the simulated providers behind it."""

    gateway: Served
    simulators: dict[str, Simulator]

    @property
    def url(self) -> str:
        return f"{self.gateway.url}/v1"

    @property
    def key(self) -> str:
        return self.gateway.key


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home: Path = tmp_path_factory.mktemp("home")
    spoken = {name: name for name in ("openai", "anthropic", "cohere", "mistral")}
    with simulated(spoken) as simulators:
        overlay = fill(home, simulators)
        with served(home, "--providers", str(overlay)) as gateway:
            yield House(gateway, simulators)


@pytest.fixture(
    params=[
        "openai/gpt-4o-mini",
        "anthropic/claude-simulated",
        "cohere/command-a-03-2025",
        "mistral/mistral-large-latest",
    ]
)
def model(request: pytest.FixtureRequest) -> str:
    """Each dialect, through the same SDK."""
    return str(request.param)
