"""Anthropic's client and the opaque state of other providers: theirs alone, and never lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.fakes.served import Served, served
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

ASK: Any = [{"role": "user", "content": "call weather, then now"}]
TOOLS: Any = [
    {"name": name, "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
    for name in ("weather", "now")
]


@pytest.fixture(scope="module")
def simulators() -> Iterator[dict[str, Simulator]]:
    with simulated({name: name for name in ("gemini", "anthropic", "openai")}) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(simulators: dict[str, Simulator], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home: Path = tmp_path_factory.mktemp("home")
    LocalVault(home / ".vaultedge").add(Credential(each.name, each.key) for each in simulators.values())
    rows = {name: {"base_url": each.base_url, "local": True} for name, each in simulators.items()}
    overlay = home / "providers.yaml"
    overlay.write_text(json.dumps({"providers": rows}))
    with served(home, "--providers", str(overlay)) as running:
        yield running


@pytest.fixture
def client(gateway: Served) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=gateway.key, base_url=gateway.url, max_retries=0) as made:
        yield made


def turn(client: anthropic.Anthropic, model: str, *, streamed: bool) -> Any:
    ask: Any = {"model": model, "max_tokens": 2_000, "messages": ASK, "tools": TOOLS}
    if not streamed:
        return client.messages.create(**ask)
    with client.messages.stream(**ask) as stream:
        return stream.get_final_message()


def answered(message: Any) -> Any:
    """The conversation after the calls of a message have been made."""
    ids = [block.id for block in message.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": key, "content": "done"} for key in ids]
    return [*ASK, {"role": "assistant", "content": message.content}, {"role": "user", "content": results}]


@pytest.mark.parametrize("streamed", [False, True], ids=["buffered", "streamed"])
def test_r16_a_signature_finds_its_way_home(
    client: anthropic.Anthropic, simulators: dict[str, Simulator], streamed: bool
) -> None:
    """A provider's signature comes back to it with the very call it signed, and goes to nobody else."""
    first = turn(client, "gemini/gemini-3-pro-preview", streamed=streamed)
    told = answered(first)
    ask: Any = {"max_tokens": 2_000, "messages": told, "tools": TOOLS}
    client.messages.create(model="gemini/gemini-3-pro-preview", **ask)
    home = json.dumps(simulators["gemini"].script.asked[-1].body)
    for stranger in ("anthropic/claude-simulated", "openai/gpt-4o-mini"):
        client.messages.create(model=stranger, **ask)
    away = [json.dumps(simulators[name].script.asked[-1].body) for name in ("anthropic", "openai")]
    marks = [block.data for block in first.content if block.type == "redacted_thinking"]

    assert first.stop_reason == "tool_use"
    assert marks
    assert "thoughtSignature" in home
    assert "ve1." not in home
    assert not [word for body in away for word in ("ve1.", "ignature", "extra_content") if word in body]
