"""AutoGen's `OpenAIChatCompletionClient`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess
from tests.clients.weather import Place, weather

agents = pytest.importorskip("autogen_agentchat.agents")


@pytest.fixture
def client(gateway: GatewayProcess, model: str) -> Any:
    from autogen_core.models import ModelFamily
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    features = ("vision", "function_calling", "json_output", "structured_output")
    info = {**dict.fromkeys(features, True), "family": ModelFamily.UNKNOWN}
    return OpenAIChatCompletionClient(
        model=model, base_url=gateway.url, api_key=gateway.key, model_info=info, max_retries=0
    )


def run(agent: Any, task: str) -> Any:
    return asyncio.run(agent.run(task=task)).messages[-1].content


def test_a_tool_loop(client: Any) -> None:
    """The agent runs the tool, and the model's answer quotes its output."""
    agent = agents.AssistantAgent("helper", client, tools=[weather], reflect_on_tool_use=True)

    assert "sunny in a city" in run(agent, "call weather")


def test_a_stream(client: Any) -> None:
    """Text arrives in several pieces."""
    agent = agents.AssistantAgent("helper", client, model_client_stream=True)

    async def pieces() -> list[str]:
        events = [event async for event in agent.run_stream(task="hello")]
        return [event.content for event in events if type(event).__name__ == "ModelClientStreamingChunkEvent"]

    assert len(asyncio.run(pieces())) > 1


def test_structured_output(client: Any) -> None:
    """The agent returns an object of the requested class."""
    agent = agents.AssistantAgent("helper", client, output_content_type=Place)

    assert isinstance(run(agent, "describe a place"), Place)
