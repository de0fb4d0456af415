"""Coding agents whose key is wrong, or has nothing left to spend: they end soon, and show the reason."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agents.agent import Agent, make_home, run
from tests.agents.conftest import MODELS, Rig
from tests.agents.programs import AGENTS
from vaultcore.cli.connect.client import ConnectSettings

SECONDS = 5.0  # from an agent's first connection to its end, on a machine without other work
PAUSES = {"codex": 10.0}  # agents that repeat requests, whatever the response says -> seconds of their pauses
REQUESTS = {"codex": 6, "opencode": 2}  # opencode requests a title too; the others send one
ALMOST_NOTHING = 0.000_001  # US dollars
# Kind of a refused key -> fields of the virtual key, and the reason that the agent shows.
KEYS: dict[str, tuple[dict[str, Any] | None, str]] = {
    "wrong": (None, "Incorrect API key provided"),
    "credits": ({"credits_usd": ALMOST_NOTHING}, "Credits used up"),
    "budget": ({"budget_day_usd": ALMOST_NOTHING}, "Budget reached"),
}
NOT_OFFERED = {
    ("codex", "budget"): "Codex shows a text of its own for `insufficient_quota`: Quota exceeded",
    ("opencode", "budget"): "opencode repeats requests after a 429, whatever its headers say",
    ("qwen-code", "budget"): "Qwen Code repeats requests after a 429 for minutes, whatever its headers say",
    ("aider", "budget"): "aider repeats requests after a 429, whatever its headers say",
    ("aider", "credits"): "aider repeats requests after a 402, whatever its headers say",
    ("llm", "budget"): "llm repeats requests after a 429, whatever its headers say",
}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.id)
def test_a_refused_key_ends_the_agent(agent: Agent, kind: str, rig: Rig, tmp_path: Path) -> None:
    """The agent repeats no request, prints the gateway's reason, and ends within seconds."""
    if reason := NOT_OFFERED.get((agent.id, kind)):
        pytest.skip(reason)
    fields, reason = KEYS[kind]
    key = "vg_" + "0" * 43 if fields is None else create_key(rig, fields)
    settings = ConnectSettings(rig.recorder.url, MODELS["anthropic"], key)
    home = make_home(tmp_path / "home", agent, settings, by_shell=True)
    before = len(rig.recorder.connections)

    output = run(agent, home, "Say hello.")
    ended = time.monotonic()

    assert reason in " ".join(output.split())
    refused = [each for each in rig.recorder.exchanges(before) if each.request.start.startswith("POST")]
    assert len(refused) <= REQUESTS.get(agent.id, 1)
    assert ended - rig.recorder.opened[before] < most_seconds(agent), output


def most_seconds(agent: Agent) -> float:
    """Return how long an agent may take: the longer, the more processes wait for each processor."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return SECONDS * max(1.0, load) + PAUSES.get(agent.id, 0.0)


def create_key(rig: Rig, fields: dict[str, Any]) -> str:
    """Return the token of a new virtual key."""
    headers = {"authorization": f"Bearer {rig.process.printed['admin key']}"}
    response = httpx.post(
        f"{rig.process.url}/admin/keys",
        json={"name": "spent", **fields},
        headers=headers,
        trust_env=False,
    )
    response.raise_for_status()
    return str(response.json()["key"])
