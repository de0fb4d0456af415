"""Each coding agent x each provider: tool loop, parallel calls, MCP tool, resumed session, failover."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agents.agent import Agent, make_home, run
from tests.agents.conftest import MODELS, SCENARIOS, Rig
from tests.agents.programs import AGENTS
from tests.agents.script import EDITED_FILE, Script


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("provider", MODELS)
@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.id)
def test_agent(
    agent: Agent,
    provider: str,
    scenario: str,
    rig: Rig,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """The agent does what the scripted model asks, and prints the model's last words."""
    record_property("place", [agent.id, provider, scenario])
    reason = agent.not_offered.get(scenario) or agent.not_offered.get(f"{scenario} {provider}")
    if reason:
        record_property("reason", reason)
        pytest.skip(reason)
    model = f"failover-{provider}" if scenario == "failover" else MODELS[provider]
    home = make_home(tmp_path / "home", agent, rig.settings(model), by_shell=scenario == "tool")
    started = len(rig.recorder.connections)
    script = _script(agent, scenario)

    output = run(agent, home, script.prompt)
    if scenario == "resume" and script.ending in output:
        script = Script("recall", _word(), calls=script.calls, earlier=script.word)
        output = run(agent, home, script.prompt, resume=True)
    if script.do == "edit" and script.ending in output:
        assert (home.work / EDITED_FILE).read_text() == f"hello {script.word}\n"

    if script.ending not in output:
        record_property("reason", find_reason(rig, started, output))
        pytest.fail(describe(rig, started, output), pytrace=False)


def _word() -> str:
    return f"kiwi{secrets.token_hex(3)}"


def _script(agent: Agent, scenario: str) -> Script:
    """Return the session's first script."""
    kind = "mcp" if scenario == "mcp" else agent.loop
    return Script(kind, _word(), calls={"edit": 0}.get(kind, 2 if scenario == "parallel" else 1))


def find_reason(rig: Rig, started: int, output: str) -> str:
    """Return why the run failed, in one line."""
    for each in rig.recorder.exchanges(started):
        if each.status >= 400 and each.response and "/v1/models" not in each.request.start:
            answer = each.response.body.decode("utf-8", "replace")
            return f"{each.status} {answer[:300]}"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    model = [line for line in lines if line.startswith(("NO TOOL", "NO OUTPUT", "FORGOT"))]
    return (model or lines[-1:] or ["printed nothing"])[-1][:300]


def describe(rig: Rig, started: int, output: str) -> str:
    """Return the requests that were refused, and what the agent printed last."""
    lines = []
    for each in rig.recorder.exchanges(started):
        if not 200 <= each.status < 400:
            answer = each.response.body.decode("utf-8", "replace") if each.response else ""
            lines.append(f"{each.request.start} -> {each.status} {answer[:600]}")
    return "\n".join([*lines, "--- printed", output[-1500:]])
