"""A house that is watched: its metrics as CloudWatch reads them, its spans as a collector does."""

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
from tests.fakes.gateway_app import house, visit
from tests.fakes.provider import FakeProvider
from vaultcore.services import Services

Story = Callable[[httpx.AsyncClient], Awaitable[Any]]


@dataclass
class Watched:
    """`said` is what it wrote to stdout."""

    folder: Path
    provider: FakeProvider
    collector: Collector
    said: io.StringIO

    def house(self, **settings: Any) -> Services:
        told = {"metrics": "emf", "otlp_endpoint": self.collector.url, "function": "fn"}
        with redirect_stdout(self.said):
            return house(self.folder, self.provider, **{**told, **settings})

    def run(self, story: Story, **settings: Any) -> list[emf.Metric]:
        """A story in a house of its own; its metrics."""
        return self.go(self.house(**settings), story)

    def go(self, services: Services, story: Story) -> list[emf.Metric]:
        visit(services, story)
        return emf.metrics(self.said.getvalue())


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    with FakeProvider() as provider, Collector() as collector:
        yield Watched(folder, provider, collector, io.StringIO())


def chat(model: str = "fast", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
