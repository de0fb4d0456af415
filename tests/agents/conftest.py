"""Real coding agents against a served gateway: `make test-agents`, which installs them first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.agents import script
from tests.agents.matrix import Cell, render
from tests.agents.programs import AGENTS
from tests.agents.recorder import Recorder, record
from tests.fakes.served import GatewayProcess, prepare_home, run_serve
from vaultcore.cli.connect.client import ConnectSettings
from vaultcore.simulators.faults import InjectedFault
from vaultcore.simulators.server import Simulator, simulated

collect_ignore_glob = [] if os.environ.get("VAULTEDGE_TEST_AGENTS") else ["test_*.py"]

SCENARIOS = ("tool", "parallel", "mcp", "resume", "failover")
MODELS = {  # provider -> the model that an agent names
    "openai": "openai/gpt-5.1",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "gemini": "gemini/gemini-3-flash-preview",
    "bedrock": "bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "mistral": "mistral/mistral-large-latest",
    "cohere": "cohere/command-a-03-2025",
    "house": "house/house-1",
}
DIALECTS = {name: name for name in MODELS} | {"house": "openai", "busy": "anthropic"}
OVERLAY = """\
providers:
{rows}
  dead: {{base_url: "http://127.0.0.1:9/v1", dialect: anthropic, auth: {{header: x-api-key}}, local: true,
         static_models: [claude-dead]}}
models:
{routes}
"""
ROW = '  {name}: {{base_url: "{url}", local: true{more}}}'
ROUTE = "  failover-{name}: {{primary: dead/claude-dead, fallbacks: [busy/claude-busy, {model}]}}"
MORE = {  # keys of a row that no built-in row has
    "house": ", static_models: [house-1]",
    "busy": ", dialect: anthropic, auth: {header: x-api-key}, static_models: [claude-busy]",
    "bedrock": ", params: {region: us-east-1}",
}


@dataclass(frozen=True, slots=True)
class Rig:
    """A served gateway over scripted providers, with a recorder between client and gateway."""

    process: GatewayProcess
    simulators: dict[str, Simulator] = field(repr=False)
    recorder: Recorder = field(repr=False)

    def settings(self, model: str) -> ConnectSettings:
        return ConnectSettings(self.recorder.url, model, self.process.key)


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    home: Path = tmp_path_factory.mktemp("gateway")
    with simulated(DIALECTS, model=script.reply) as simulators:
        overlay = prepare_home(home, simulators)
        rows = [
            ROW.format(name=name, url=each.base_url, more=MORE.get(name, ""))
            for name, each in simulators.items()
        ]
        routes = [ROUTE.format(name=name, model=model) for name, model in MODELS.items()]
        overlay.write_text(OVERLAY.format(rows="\n".join(rows), routes="\n".join(routes)))
        simulators["busy"].script.queue("*", *[InjectedFault(status=529)] * 10_000)
        with run_serve(home, "--providers", str(overlay)) as process:
            host, _, port = process.url.removeprefix("http://").partition(":")
            with record(host, int(port)) as recorder:
                yield Rig(process, simulators, recorder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the matrix of all runs."""
    cells: dict[tuple[str, str, str], Cell] = {}
    for result, outcome in (("ok", "passed"), ("fail", "failed"), ("-", "skipped")):
        for report in terminalreporter.stats.get(outcome, []):
            properties = dict(getattr(report, "user_properties", ()))
            if "place" in properties:
                cells[tuple(properties["place"])] = Cell(result, properties.get("reason", ""))
    order = {agent.id: number for number, agent in enumerate(AGENTS)}
    if cells:
        terminalreporter.section("coding agents")
        rows = dict(sorted(cells.items(), key=lambda item: (order[item[0][0]], SCENARIOS.index(item[0][2]))))
        for line in render(rows, tuple(MODELS)):
            terminalreporter.write_line(line)
