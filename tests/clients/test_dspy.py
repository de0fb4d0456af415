"""DSPy's `LM`, over chat completions and Responses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess
from tests.clients.weather import Place, weather

dspy = pytest.importorskip("dspy")


@pytest.fixture(params=["chat", "responses"])
def lm(request: pytest.FixtureRequest, gateway: GatewayProcess, other_model: str) -> Any:
    name = other_model.removeprefix(
        "openai/"
    )  # a model that LiteLLM knows: else DSPy sends no tools and schemas
    return dspy.LM(
        f"openai/{name}", api_base=gateway.url, api_key=gateway.key, model_type=request.param, cache=False
    )


def test_an_answer(lm: Any) -> None:
    """The model's text is returned."""
    [answer] = lm("hello")
    text = answer["text"] if isinstance(answer, dict) else answer

    assert "You asked" in text


def test_a_tool_loop(lm: Any) -> None:
    """`ToolCalls` has the arguments of the provider's own tool call."""
    adapter = dspy.ChatAdapter(use_native_function_calling=True)
    signature = dspy.Signature("question: str, tools: list[dspy.Tool] -> answer: str, calls: dspy.ToolCalls")
    with dspy.context(lm=lm, adapter=adapter):
        result = dspy.Predict(signature)(question="call weather", tools=[dspy.Tool(weather)])

    assert [(call.name, call.args) for call in result.calls.tool_calls] == [("weather", {"city": "a city"})]


def test_structured_output(lm: Any) -> None:
    """`JSONAdapter` sends the schema of the signature and returns an object of its class."""
    signature = dspy.Signature("question: str -> place: Place", custom_types={"Place": Place})
    with dspy.context(lm=lm, adapter=dspy.JSONAdapter()):
        result = dspy.Predict(signature)(question="where is it?")

    assert isinstance(result.place, Place)
