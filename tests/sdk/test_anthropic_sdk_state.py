"""Anthropic's client and the opaque state of other providers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.fakes.served import GatewayProcess, run_serve
from vaultcore.simulators.server import Simulator, simulated
from vaultcore.vault.keyring import Credential
from vaultcore.vault.local import LocalVault

QUESTION: Any = [{"role": "user", "content": "call weather, then now"}]
TOOLS: Any = [
    {"name": name, "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
    for name in ("weather", "now")
]


@pytest.fixture(scope="module")
def simulators() -> Iterator[dict[str, Simulator]]:
    with simulated({name: name for name in ("gemini", "anthropic", "openai")}) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    simulators: dict[str, Simulator], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    home: Path = tmp_path_factory.mktemp("home")
    LocalVault(home / ".vaultedge").add(Credential(each.name, each.key) for each in simulators.values())
    rows = {name: {"base_url": each.base_url, "local": True} for name, each in simulators.items()}
    overlay = home / "providers.yaml"
    overlay.write_text(json.dumps({"providers": rows}))
    with run_serve(home, "--providers", str(overlay)) as running:
        yield running


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=gateway.key, base_url=gateway.url, max_retries=0) as sdk_client:
        yield sdk_client


def ask(client: anthropic.Anthropic, model: str, *, streamed: bool) -> Any:
    fields: Any = {"model": model, "max_tokens": 2_000, "messages": QUESTION, "tools": TOOLS}
    if not streamed:
        return client.messages.create(**fields)
    with client.messages.stream(**fields) as stream:
        return stream.get_final_message()


def with_tool_results(message: Any) -> Any:
    """Return the conversation with a message and the results of its tool calls."""
    ids = [block.id for block in message.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": key, "content": "done"} for key in ids]
    return [
        *QUESTION,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results},
    ]


@pytest.mark.parametrize("streamed", [False, True], ids=["buffered", "streamed"])
def test_r16_a_signature_returns_to_its_issuer_only(
    client: anthropic.Anthropic, simulators: dict[str, Simulator], streamed: bool
) -> None:
    """A provider's signature is returned to it with the tool call it signed, and to no other provider."""
    first = ask(client, "gemini/gemini-3-pro-preview", streamed=streamed)
    conversation = with_tool_results(first)
    fields: Any = {"max_tokens": 2_000, "messages": conversation, "tools": TOOLS}
    client.messages.create(model="gemini/gemini-3-pro-preview", **fields)
    returned = json.dumps(simulators["gemini"].script.requests[-1].body)
    for other in ("anthropic/claude-simulated", "openai/gpt-4o-mini"):
        client.messages.create(model=other, **fields)
    others = [json.dumps(simulators[name].script.requests[-1].body) for name in ("anthropic", "openai")]
    packed = [block.data for block in first.content if block.type == "redacted_thinking"]

    assert first.stop_reason == "tool_use"
    assert packed
    assert "thoughtSignature" in returned
    assert "ve1." not in returned
    assert not [word for body in others for word in ("ve1.", "ignature", "extra_content") if word in body]
