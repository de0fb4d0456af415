"""LangChain's `create_agent` on LangGraph, over the Messages API with `langchain-anthropic`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess
from tests.clients.weather import Place, weather

langchain_anthropic = pytest.importorskip("langchain_anthropic")
prebuilt = pytest.importorskip("langgraph.prebuilt")


@pytest.fixture
def chat(gateway: GatewayProcess, model: str) -> Any:
    url = gateway.url.removesuffix("/v1")
    return langchain_anthropic.ChatAnthropic(
        model=model, base_url=url, api_key=gateway.key, max_retries=0, max_tokens=500
    )


def test_a_tool_loop(chat: Any) -> None:
    """The agent runs the tool, and the model's answer quotes its output."""
    agent = prebuilt.create_react_agent(chat, [weather])
    result = agent.invoke({"messages": [("user", "call weather")]})

    assert "sunny in a city" in result["messages"][-1].text


def test_a_stream(chat: Any) -> None:
    """Text arrives in several chunks."""
    assert len([chunk for chunk in chat.stream("hello") if chunk.text]) > 1


def test_structured_output(chat: Any) -> None:
    """The model returns an object of the requested class."""
    assert isinstance(chat.with_structured_output(Place).invoke("describe a place"), Place)
