"""A gateway whose metrics and spans are collected: by a parser of EMF and by a fake collector."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.fakes import emf
from tests.fakes.collector import Collector
from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider
from vaultcore.services import Services

Scenario = Callable[[httpx.AsyncClient], Awaitable[Any]]


@dataclass
class ObservedGateway:
    """A gateway in this process. `stdout` collects its metrics."""

    folder: Path
    provider: FakeProvider
    collector: Collector
    stdout: io.StringIO

    def build_services(self, **settings: Any) -> Services:
        defaults = {"metrics": "emf", "otlp_endpoint": self.collector.url, "function": "fn"}
        with redirect_stdout(self.stdout):
            return build_services(self.folder, self.provider, **{**defaults, **settings})

    def run(self, scenario: Scenario, **settings: Any) -> list[emf.Metric]:
        """Run a scenario with a new gateway; return the metrics."""
        return self.run_services(self.build_services(**settings), scenario)

    def run_services(self, services: Services, scenario: Scenario) -> list[emf.Metric]:
        """Run a scenario with a client of these services; return the metrics."""
        run_with_client(services, scenario)
        return emf.metrics(self.stdout.getvalue())


@contextmanager
def observed(folder: Path) -> Iterator[ObservedGateway]:
    with FakeProvider() as provider, Collector() as collector:
        yield ObservedGateway(folder, provider, collector, io.StringIO())


def chat(model: str = "fast", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
