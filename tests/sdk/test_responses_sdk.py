"""The official `openai` package's Responses API against a served gateway, with every dialect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from tests.sdk.conftest import SdkGateway
from vaultcore.opaque_state.envelope import is_sealed
from vaultcore.simulators.faults import InjectedFault

QUESTION = "why is the sky blue?"
WEATHER: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [
    {"type": "function", "name": "weather", "parameters": WEATHER, "strict": False},
    {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}}, "strict": False},
]
CALLS = "call weather, then weather, then now"
EXPECTED_CALLS = [("weather", {"city": "a city"}), ("weather", {"city": "a city"}), ("now", {})]
SHELL: Any = [{"type": "custom", "name": "shell", "description": "runs a command"}]


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture
def client(gateway: SdkGateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=gateway.key, base_url=gateway.url, max_retries=0) as sdk_client:
        yield sdk_client


def tool_calls_of(output: Any) -> list[tuple[str, Any]]:
    return [(item.name, json.loads(item.arguments)) for item in output if item.type == "function_call"]


def test_p1_a_response(client: openai.OpenAI, model: str) -> None:
    """A response has text, a status, usage that adds up, and repeats the instructions."""
    response = client.responses.create(model=model, input=QUESTION, instructions="be brief")

    assert QUESTION in response.output_text
    assert response.status == "completed"
    assert response.instructions == "be brief"
    assert response.id.startswith("resp_")
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 20


def test_p6_a_stream_equals_the_buffered_response(client: openai.OpenAI, model: str) -> None:
    """The deltas contain the buffered text, and the last event contains the whole response."""
    buffered = client.responses.create(model=model, input=QUESTION)
    events = list(client.responses.create(model=model, input=QUESTION, stream=True))

    kinds = [event.type for event in events]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == buffered.output_text
    assert len(deltas) > 5
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == buffered.output_text
    assert last.response.usage == buffered.usage


def test_p6_the_stream_helper(client: openai.OpenAI, model: str) -> None:
    """`.stream()` accumulates parallel calls, each with its own index."""
    with client.responses.stream(model=model, input=CALLS, tools=TOOLS) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_response()

    assert tool_calls_of(final.output) == EXPECTED_CALLS
    assert {"response.function_call_arguments.delta", "response.function_call_arguments.done"} <= kinds


def test_p2_a_tool_loop(client: openai.OpenAI, model: str) -> None:
    """Output items and tool outputs return to the provider, which checks every id."""
    first = client.responses.create(model=model, input=CALLS, tools=TOOLS)
    calls = [item for item in first.output if item.type == "function_call"]
    results = [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"result {number}"}
        for number, call in enumerate(calls)
    ]
    history: Any = [
        {"role": "user", "content": CALLS},
        *(item.model_dump(exclude_none=True) for item in first.output),
        *results,
    ]

    second = client.responses.create(model=model, input=history, tools=TOOLS)

    assert tool_calls_of(first.output) == EXPECTED_CALLS
    assert "result 0; result 1; result 2" in second.output_text


def test_p2_a_custom_tool_loop(client: openai.OpenAI, model: str) -> None:
    """A custom tool is called with plain text, buffered and streamed, and its output is accepted."""
    question = "use shell"
    first = client.responses.create(model=model, input=question, tools=SHELL)
    events = list(client.responses.create(model=model, input=question, tools=SHELL, stream=True))
    call = first.output[-1]
    assert call.type == "custom_tool_call"
    history: Any = [
        {"role": "user", "content": question},
        call.model_dump(exclude_none=True),
        {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "it ran"},
    ]

    second = client.responses.create(model=model, input=history, tools=SHELL)

    done = [event for event in events if event.type == "response.custom_tool_call_input.done"]
    assert [event.input for event in done] == [call.input]
    assert call.input
    assert "it ran" in second.output_text


def test_p4_structured_output_is_parsed(client: openai.OpenAI, model: str) -> None:
    """`.parse()` returns an instance of the requested model."""
    parsed = client.responses.parse(model=model, input="who is it?", text_format=Person)

    assert isinstance(parsed.output_parsed, Person)


def test_p7_an_incomplete_response(client: openai.OpenAI, model: str) -> None:
    """A response that reached its limit is incomplete, and its stream ends with response.incomplete."""
    buffered = client.responses.create(model=model, input=QUESTION, max_output_tokens=16)
    events = list(client.responses.create(model=model, input=QUESTION, max_output_tokens=16, stream=True))

    assert buffered.status == "incomplete"
    assert buffered.incomplete_details is not None
    assert buffered.incomplete_details.reason == "max_output_tokens"
    assert events[-1].type == "response.incomplete"


def test_the_async_client(gateway: SdkGateway, model: str) -> None:
    """The asynchronous client streams a response."""

    async def run() -> str:
        async with (
            openai.AsyncOpenAI(api_key=gateway.key, base_url=gateway.url, max_retries=0) as client,
            client.responses.stream(model=model, input=QUESTION) as stream,
        ):
            async for _ in stream:
                pass
            return (await stream.get_final_response()).output_text

    assert QUESTION in asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "value"),
    [("previous_response_id", "resp_1"), ("conversation", "conv_1"), ("background", True)],
)
def test_p9_stateful_fields_are_rejected(client: openai.OpenAI, model: str, name: str, value: Any) -> None:
    """A field that needs stored responses is rejected with its name."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model, input=QUESTION, **{name: value})

    assert caught.value.param == name
    assert caught.value.code == "unsupported_parameter"


def test_p9_store_is_false_by_default(client: openai.OpenAI, gateway: SdkGateway) -> None:
    """The gateway sends `store: false` if the request does not set it."""
    client.responses.create(model="openai/gpt-4o-mini", input=QUESTION)

    provider_request = gateway.simulators["openai"].script.requests[-1]
    assert provider_request.path == "/v1/responses"
    assert provider_request.body["store"] is False


def test_p3_reasoning_returns_to_its_issuer_only(client: openai.OpenAI, gateway: SdkGateway) -> None:
    """Encrypted reasoning is sealed, and opened only for the provider and model that issued it."""
    fields: Any = {
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "tools": TOOLS,
    }
    first = client.responses.create(model="openai/gpt-4o-mini", input="call now", **fields)
    reasoning = first.output[0]
    assert reasoning.type == "reasoning"
    assert is_sealed(reasoning.encrypted_content)
    history: Any = [
        {"role": "user", "content": "call now"},
        *(item.model_dump(exclude_none=True) for item in first.output),
        {"type": "function_call_output", "call_id": first.output[1].call_id, "output": "noon"},
    ]

    for model in ("openai/gpt-4o-mini", "openai/gpt-4o", "anthropic/claude-simulated"):
        response = client.responses.create(model=model, input=history, tools=TOOLS)
        assert "noon" in response.output_text
    bodies = {
        each.model: json.dumps(each.body)
        for simulator in gateway.simulators.values()
        for each in simulator.script.requests
    }

    assert 'encrypted_content": ' in bodies["gpt-4o-mini"]
    assert not any('encrypted_content": ' in body for model, body in bodies.items() if model != "gpt-4o-mini")
    assert not any("ve2." in body for body in bodies.values())


def test_p3_reasoning_without_store_or_include(client: openai.OpenAI, gateway: SdkGateway) -> None:
    """Output items are accepted although the client requested neither storage nor encrypted reasoning."""
    effort: Any = {"effort": "low"}
    first = client.responses.create(
        model="openai/gpt-4o-mini", input="call now", tools=TOOLS, reasoning=effort
    )
    call = first.output[-1]
    assert call.type == "function_call"
    history: Any = [
        {"role": "user", "content": "call now"},
        *(item.model_dump(exclude_none=True) for item in first.output),
        {"type": "function_call_output", "call_id": call.call_id, "output": "noon"},
    ]

    second = client.responses.create(model="openai/gpt-4o-mini", input=history, tools=TOOLS, reasoning=effort)

    items = gateway.simulators["openai"].script.requests[-1].body["input"]
    assert "noon" in second.output_text
    assert [item["encrypted_content"][:3] for item in items if item.get("type") == "reasoning"] == ["gAA"]


def test_p3_streamed_reasoning_is_wrapped(client: openai.OpenAI) -> None:
    """Encrypted reasoning is wrapped in the streamed item and in the last response."""
    events = list(
        client.responses.create(
            model="openai/gpt-4o-mini",
            input=QUESTION,
            reasoning={"effort": "low"},
            include=["reasoning.encrypted_content"],
            stream=True,
        )
    )
    last = events[-1]
    assert last.type == "response.completed"
    done = [event.item for event in events if event.type == "response.output_item.done"]

    for item in (done[0], last.response.output[0]):
        assert item.type == "reasoning"
        assert is_sealed(item.encrypted_content)


def test_o3_chat_with_a_responses_only_model(client: openai.OpenAI, gateway: SdkGateway) -> None:
    """Chat completions of a model that has only Responses are translated, tools included."""
    tools: Any = [{"type": "function", "function": {"name": "now"}}]
    question: Any = [{"role": "user", "content": "call now"}]
    first = client.chat.completions.create(model="openai/gpt-5-pro", messages=question, tools=tools)
    message = first.choices[0].message
    assert message.tool_calls
    history = [
        *question,
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "noon"},
    ]

    chunks = client.chat.completions.create(
        model="openai/gpt-5-pro", messages=history, tools=tools, reasoning_effort="high", stream=True
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    assert "noon" in text
    assert gateway.simulators["openai"].script.requests[-1].path == "/v1/responses"
    assert first.choices[0].finish_reason == "tool_calls"


def test_e8_a_broken_stream_ends_with_failed(gateway: SdkGateway, client: openai.OpenAI) -> None:
    """If the provider breaks off a stream, the last event is response.failed."""
    gateway.simulators["anthropic"].script.queue("claude-simulated", InjectedFault(cut_after=6))

    events = list(client.responses.create(model="anthropic/claude-simulated", input=QUESTION, stream=True))

    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.status == "failed"
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_e1_a_provider_error_keeps_its_status(client: openai.OpenAI, gateway: SdkGateway) -> None:
    """A provider's 400 error keeps its status and message."""
    gateway.simulators["openai"].script.queue(
        "gpt-4o-mini", InjectedFault(status=400, message="no such thing")
    )

    with pytest.raises(openai.BadRequestError, match="no such thing"):
        client.responses.create(model="openai/gpt-4o-mini", input=QUESTION)


def test_e8_a_broken_native_stream(gateway: SdkGateway) -> None:
    """A broken native stream ends with an error event with the next sequence number."""
    gateway.simulators["openai"].script.queue("gpt-4o-mini", InjectedFault(cut_after=7))
    body = {"model": "openai/gpt-4o-mini", "input": QUESTION, "stream": True}
    headers = {"authorization": f"Bearer {gateway.key}"}

    with httpx.Client(trust_env=False) as client:
        response = client.post(f"{gateway.url}/responses", json=body, headers=headers)
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]

    assert response.status_code == 200
    assert [event["sequence_number"] for event in events] == list(range(8))
    assert events[-1]["type"] == "error"
    assert events[-1]["code"] == "stream_broken"


def test_unknown_fields_are_forwarded(gateway: SdkGateway) -> None:
    """Unknown fields are forwarded to a provider that speaks Responses."""
    message = {"role": "user", "content": [{"type": "input_text", "text": QUESTION, "tomorrow": 1}]}
    body = {"model": "openai/gpt-4o-mini", "input": [message], "moderation": {"later": True}}
    headers = {"authorization": f"Bearer {gateway.key}"}

    with httpx.Client(trust_env=False) as client:
        response = client.post(f"{gateway.url}/responses", json=body, headers=headers).json()

    provider_body = gateway.simulators["openai"].script.requests[-1].body
    assert provider_body == {**body, "model": "gpt-4o-mini", "store": False}
    assert response["text"] == {"format": {"type": "text"}}
    assert response["model"] == "gpt-4o-mini"
