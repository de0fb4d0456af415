"""smolagents' `OpenAIServerModel`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess
from tests.clients.weather import Place

smolagents = pytest.importorskip("smolagents")


@pytest.fixture
def server_model(gateway: GatewayProcess, other_model: str) -> Any:
    return smolagents.OpenAIServerModel(other_model, api_base=gateway.url, api_key=gateway.key)


def test_an_agent_ends_with_its_final_answer(server_model: Any) -> None:
    """The agent calls the tool `final_answer` that the task names, and returns its argument."""
    agent = smolagents.ToolCallingAgent(tools=[], model=server_model, max_steps=2, verbosity_level=0)

    assert agent.run("call final_answer") is not None


def test_a_stream(server_model: Any) -> None:
    """Text arrives in several pieces."""
    message = smolagents.ChatMessage(role="user", content="hello")

    assert len([delta for delta in server_model.generate_stream([message]) if delta.content]) > 1


def test_a_tool_loop(server_model: Any) -> None:
    """The agent runs the tool, and the next request has its output."""

    @smolagents.tool
    def weather(city: str) -> str:
        """Return the weather of a city.

        Args:
            city: The name of the city.
        """
        return f"sunny in {city}"

    agent = smolagents.ToolCallingAgent(tools=[weather], model=server_model, max_steps=1, verbosity_level=0)
    agent.run("call weather")

    assert "sunny in a city" in str(agent.memory.steps[1].observations)


def test_structured_output(server_model: Any) -> None:
    """The answer is an object of the requested class."""
    message = smolagents.ChatMessage(role="user", content="where is it?")
    described = {"name": "place", "schema": Place.model_json_schema()}
    response_format = {"type": "json_schema", "json_schema": described}

    assert Place.model_validate_json(
        server_model.generate([message], response_format=response_format).content
    )
