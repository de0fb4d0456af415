"""mem0's OpenAI classes, over providers of other dialects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess

pytest.importorskip("mem0")

MESSAGES = [{"role": "user", "content": "call weather"}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.fixture
def llm(gateway: GatewayProcess, other_model: str) -> Any:
    from mem0.configs.llms.openai import OpenAIConfig
    from mem0.llms.openai import OpenAILLM

    return OpenAILLM(OpenAIConfig(model=other_model, api_key=gateway.key, openai_base_url=gateway.url))


def test_a_tool_loop(llm: Any) -> None:
    """The call has its arguments, and the model's answer quotes the result."""
    first = llm.generate_response(MESSAGES, tools=TOOLS)
    [call] = first["tool_calls"]
    function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
    turns = [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny in a city"},
    ]

    assert call == {"name": "weather", "arguments": {"city": "a city"}}
    assert "sunny in a city" in llm.generate_response([*MESSAGES, *turns], tools=TOOLS)["content"]


@pytest.mark.parametrize(
    "response_format",
    [
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": SCHEMA}},
    ],
    ids=["object", "schema"],
)
def test_structured_output(llm: Any, response_format: dict[str, Any]) -> None:
    """The answer is a JSON object, also by a schema."""
    messages = [{"role": "user", "content": "describe a place as json"}]
    answer = json.loads(llm.generate_response(messages, response_format=response_format))

    assert isinstance(answer, dict)
    assert answer == {"city": "a city"} or response_format["type"] == "json_object"
