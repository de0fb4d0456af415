"""Semantic Kernel's `ChatCompletionAgent` with `OpenAIChatCompletion`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess
from tests.clients.weather import Place

kernel = pytest.importorskip("semantic_kernel")


def service(gateway: GatewayProcess, model: str) -> Any:
    from openai import AsyncOpenAI
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion

    client = AsyncOpenAI(base_url=gateway.url, api_key=gateway.key, max_retries=0)
    return OpenAIChatCompletion(ai_model_id=model, async_client=client)


def agent(gateway: GatewayProcess, model: str, **fields: Any) -> Any:
    from semantic_kernel.agents import ChatCompletionAgent

    return ChatCompletionAgent(service=service(gateway, model), name="helper", **fields)


def test_a_tool_loop(gateway: GatewayProcess, model: str) -> None:
    """The agent runs the function, and the model's answer quotes its output."""
    from semantic_kernel.functions import kernel_function

    class Forecast:
        @kernel_function
        def weather(self, city: str) -> str:
            """Return the weather of a city."""
            return f"sunny in {city}"

    helper = agent(gateway, model, plugins=[Forecast()])

    assert "sunny in a city" in str(asyncio.run(helper.get_response("call Forecast-weather")))


def test_a_stream(gateway: GatewayProcess, model: str) -> None:
    """Text arrives in several pieces."""

    async def pieces() -> list[str]:
        helper = agent(gateway, model)
        return [str(each.message) async for each in helper.invoke_stream("hello")]

    assert len([piece for piece in asyncio.run(pieces()) if piece]) > 1


def test_structured_output(gateway: GatewayProcess, model: str) -> None:
    """The answer is an object of the requested class."""
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatPromptExecutionSettings
    from semantic_kernel.functions import KernelArguments

    settings = OpenAIChatPromptExecutionSettings(response_format=Place)
    helper = agent(gateway, model, arguments=KernelArguments(settings=settings))
    answer = asyncio.run(helper.get_response("describe a place"))

    assert Place.model_validate_json(str(answer))
