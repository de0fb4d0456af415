"""smolagents' `OpenAIServerModel`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess

smolagents = pytest.importorskip("smolagents")


@pytest.fixture
def server_model(gateway: GatewayProcess, model: str) -> Any:
    return smolagents.OpenAIServerModel(model, api_base=gateway.url, api_key=gateway.key)


def test_an_agent_ends_with_its_final_answer(server_model: Any) -> None:
    """The agent calls the tool `final_answer` that the task names, and returns its argument."""
    agent = smolagents.ToolCallingAgent(tools=[], model=server_model, max_steps=2, verbosity_level=0)

    assert agent.run("call final_answer") is not None


def test_a_stream(server_model: Any) -> None:
    """Text arrives in several pieces."""
    message = smolagents.ChatMessage(role="user", content="hello")

    assert len([delta for delta in server_model.generate_stream([message]) if delta.content]) > 1
