"""CrewAI's `LLM` and `Agent`, with its OpenAI and Anthropic classes, over providers of other dialects."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess
from tests.clients.weather import Place

os.environ.update(CREWAI_DISABLE_TELEMETRY="true", OTEL_SDK_DISABLED="true", CREWAI_TRACING_ENABLED="false")
crewai = pytest.importorskip("crewai")


@pytest.fixture(params=["openai", "anthropic"])
def llm(request: pytest.FixtureRequest, gateway: GatewayProcess, other_model: str) -> Any:
    url = gateway.url if request.param == "openai" else gateway.url.removesuffix("/v1")
    return crewai.LLM(
        model=other_model, provider=request.param, base_url=url, api_key=gateway.key, max_tokens=500
    )


@pytest.fixture
def agent(llm: Any) -> Any:
    from crewai.tools import tool

    @tool("weather")
    def weather(city: str) -> str:
        """Return the weather of a city."""
        return f"sunny in {city}"

    return crewai.Agent(
        role="guide", goal="answer", backstory="a guide", llm=llm, tools=[weather], max_iter=3
    )


def test_a_tool_loop(agent: Any) -> None:
    """The agent runs the tool, and the model's answer quotes its output."""
    assert "sunny in a city" in agent.kickoff("call weather").raw


def test_structured_output(llm: Any) -> None:
    """The model returns an object of the requested class."""
    result = llm.call("describe a place", response_model=Place)

    assert Place.model_validate_json(result) if isinstance(result, str) else isinstance(result, Place)
