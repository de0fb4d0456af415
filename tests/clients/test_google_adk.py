"""Google's Agent Development Kit, with its Gemini and Claude classes, over providers of other dialects."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess
from tests.clients.weather import Place, weather

adk = pytest.importorskip("google.adk")

USER = "user"
OTHERS = ["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "mistral/mistral-large-latest"]


@pytest.fixture(params=OTHERS)
def gemini(request: pytest.FixtureRequest, gateway: GatewayProcess) -> Any:
    from google.adk.models.google_llm import Gemini

    address = {"api_key": gateway.key, "http_options": {"base_url": gateway.url.removesuffix("/v1")}}
    return Gemini(model=request.param, client_kwargs=address)


def run(agent: Any, text: str) -> list[Any]:
    """Return the events of one turn."""
    from google.adk.runners import InMemoryRunner
    from google.genai.types import Content, Part

    async def turn() -> list[Any]:
        runner = InMemoryRunner(agent=agent, app_name="test")
        session = await runner.session_service.create_session(app_name="test", user_id=USER)
        message = Content(role="user", parts=[Part(text=text)])
        events = runner.run_async(user_id=USER, session_id=session.id, new_message=message)
        return [event async for event in events]

    return asyncio.run(turn())


def text_of(event: Any) -> str:
    return "".join(part.text or "" for part in event.content.parts)


def test_a_tool_loop(gemini: Any) -> None:
    """The agent runs the tool, and the model's answer quotes its output."""
    from google.adk.agents import LlmAgent

    events = run(LlmAgent(name="agent", model=gemini, tools=[weather]), "call weather")

    assert "sunny in a city" in text_of(events[-1])


def test_structured_output(gemini: Any) -> None:
    """The agent's answer is an object of the requested class."""
    from google.adk.agents import LlmAgent

    events = run(LlmAgent(name="agent", model=gemini, output_schema=Place), "describe a place")

    assert Place.model_validate_json(text_of(events[-1]))
