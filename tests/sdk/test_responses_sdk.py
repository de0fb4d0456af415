"""The official `openai` package's Responses against a served gateway: the same on every dialect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from tests.sdk.conftest import House
from vaultcore.dialects.responses.envelope import enveloped, unseal
from vaultcore.simulators.faults import InjectedFault

QUESTION = "why is the sky blue?"
WEATHER: Any = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS: Any = [
    {"type": "function", "name": "weather", "parameters": WEATHER, "strict": False},
    {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}}, "strict": False},
]
CALLS = "call weather, then weather, then now"
CALLED = [("weather", {"city": "a city"}), ("weather", {"city": "a city"}), ("now", {})]
SHELL: Any = [{"type": "custom", "name": "shell", "description": "runs a command"}]


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture
def client(house: House) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=house.key, base_url=house.url, max_retries=0) as made:
        yield made


def called(output: Any) -> list[tuple[str, Any]]:
    return [(item.name, json.loads(item.arguments)) for item in output if item.type == "function_call"]


def test_p1_a_question_is_answered(client: openai.OpenAI, model: str) -> None:
    """A response has its text, its status, and usage that adds up; instructions are heeded and repeated."""
    answer = client.responses.create(model=model, input=QUESTION, instructions="be brief")

    assert QUESTION in answer.output_text
    assert answer.status == "completed"
    assert answer.instructions == "be brief"
    assert answer.id.startswith("resp_")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 20


def test_p6_streamed_and_whole_say_the_same(client: openai.OpenAI, model: str) -> None:
    """Deltas make up the whole answer, numbers rise by one, and the last event holds the whole response."""
    whole = client.responses.create(model=model, input=QUESTION)
    events = list(client.responses.create(model=model, input=QUESTION, stream=True))

    kinds = [event.type for event in events]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == whole.output_text
    assert len(deltas) > 5
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == whole.output_text
    assert last.response.usage == whole.usage


def test_p6_the_stream_helper_folds(client: openai.OpenAI, model: str) -> None:
    """`.stream()` accumulates parallel calls, each under its own index."""
    with client.responses.stream(model=model, input=CALLS, tools=TOOLS) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_response()

    assert called(final.output) == CALLED
    assert {"response.function_call_arguments.delta", "response.function_call_arguments.done"} <= kinds


def test_p2_tools_go_round(client: openai.OpenAI, model: str) -> None:
    """Output items are sent back as they came, with their results: the provider checks every id."""
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

    assert called(first.output) == CALLED
    assert "result 0; result 1; result 2" in second.output_text


def test_p2_custom_tools_go_round(client: openai.OpenAI, model: str) -> None:
    """A tool whose input is plain text is called as one, streamed and not, and its output comes back."""
    asked = "use shell"
    first = client.responses.create(model=model, input=asked, tools=SHELL)
    events = list(client.responses.create(model=model, input=asked, tools=SHELL, stream=True))
    call = first.output[-1]
    assert call.type == "custom_tool_call"
    history: Any = [
        {"role": "user", "content": asked},
        call.model_dump(exclude_none=True),
        {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "it ran"},
    ]

    second = client.responses.create(model=model, input=history, tools=SHELL)

    done = [event for event in events if event.type == "response.custom_tool_call_input.done"]
    assert [event.input for event in done] == [call.input]
    assert call.input
    assert "it ran" in second.output_text


def test_p4_structured_output_is_parsed(client: openai.OpenAI, model: str) -> None:
    """`.parse()` gives an instance of the asked-for model."""
    parsed = client.responses.parse(model=model, input="who is it?", text_format=Person)

    assert isinstance(parsed.output_parsed, Person)


def test_p7_a_cut_answer_says_so(client: openai.OpenAI, model: str) -> None:
    """An answer that reached its limit is incomplete, and the stream ends in that word."""
    whole = client.responses.create(model=model, input=QUESTION, max_output_tokens=16)
    events = list(client.responses.create(model=model, input=QUESTION, max_output_tokens=16, stream=True))

    assert whole.status == "incomplete"
    assert whole.incomplete_details is not None
    assert whole.incomplete_details.reason == "max_output_tokens"
    assert events[-1].type == "response.incomplete"


def test_async_clients_are_served(house: House, model: str) -> None:
    """The asynchronous client streams the same."""

    async def story() -> str:
        async with (
            openai.AsyncOpenAI(api_key=house.key, base_url=house.url, max_retries=0) as client,
            client.responses.stream(model=model, input=QUESTION) as stream,
        ):
            async for _ in stream:
                pass
            return (await stream.get_final_response()).output_text

    assert QUESTION in asyncio.run(story())


@pytest.mark.parametrize(
    ("name", "value"),
    [("previous_response_id", "resp_1"), ("conversation", "conv_1"), ("background", True)],
)
def test_p9_what_needs_a_store_is_refused(client: openai.OpenAI, model: str, name: str, value: Any) -> None:
    """State that is not kept is refused with the name of the parameter."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model, input=QUESTION, **{name: value})

    assert caught.value.param == name
    assert caught.value.code == "unsupported_parameter"


def test_p9_nothing_is_stored_unless_asked(client: openai.OpenAI, house: House) -> None:
    """A request that is silent about it asks the provider to store nothing."""
    client.responses.create(model="openai/gpt-4o-mini", input=QUESTION)

    asked = house.simulators["openai"].script.asked[-1]
    assert asked.path == "/v1/responses"
    assert asked.body["store"] is False


def test_p3_reasoning_comes_back_to_its_issuer_alone(client: openai.OpenAI, house: House) -> None:
    """Encrypted reasoning is enveloped, opened for the provider that issued it, and kept from all others."""
    thinking: Any = {
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "tools": TOOLS,
    }
    first = client.responses.create(model="openai/gpt-4o-mini", input="call now", **thinking)
    thought = first.output[0]
    assert thought.type == "reasoning"
    blocks = unseal(thought.encrypted_content)
    assert blocks is not None
    secret = json.loads(blocks[0]["item"])["encrypted_content"]
    history: Any = [
        {"role": "user", "content": "call now"},
        *(item.model_dump(exclude_none=True) for item in first.output),
        {"type": "function_call_output", "call_id": first.output[1].call_id, "output": "noon"},
    ]

    for model in ("openai/gpt-4o-mini", "openai/gpt-4o", "anthropic/claude-simulated"):
        again = client.responses.create(model=model, input=history, tools=TOOLS)
        assert "noon" in again.output_text
    asked = [each.script.asked for each in house.simulators.values() if each.script.asked]
    sent = [json.dumps(each[-1].body) for each in asked]
    same = [
        asked
        for asked in house.simulators["openai"].script.asked
        if asked.model == "gpt-4o-mini" and secret in json.dumps(asked.body)
    ]

    assert enveloped(thought.encrypted_content)
    assert same
    assert not any(secret in body or "ve1." in body for body in sent)


def test_p3_a_client_that_stores_nothing_itself_can_reason(client: openai.OpenAI, house: House) -> None:
    """Output items go back as they came though the client has asked neither to store nor to encrypt them."""
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

    sent = house.simulators["openai"].script.asked[-1].body["input"]
    assert "noon" in second.output_text
    assert [item["encrypted_content"][:3] for item in sent if item.get("type") == "reasoning"] == ["gAA"]


def test_p3_streamed_reasoning_is_enveloped(client: openai.OpenAI) -> None:
    """The same envelope comes in a stream, in the item and in the response at its end."""
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
        assert enveloped(item.encrypted_content)


def test_o3_chat_reaches_models_that_only_speak_responses(client: openai.OpenAI, house: House) -> None:
    """Chat completions of such a model go to /responses and come back as chat completions, tools and all."""
    tools: Any = [{"type": "function", "function": {"name": "now"}}]
    asked: Any = [{"role": "user", "content": "call now"}]
    first = client.chat.completions.create(model="openai/gpt-5-pro", messages=asked, tools=tools)
    message = first.choices[0].message
    assert message.tool_calls
    history = [
        *asked,
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "noon"},
    ]

    chunks = client.chat.completions.create(
        model="openai/gpt-5-pro", messages=history, tools=tools, reasoning_effort="high", stream=True
    )
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    assert "noon" in said
    assert house.simulators["openai"].script.asked[-1].path == "/v1/responses"
    assert first.choices[0].finish_reason == "tool_calls"


def test_e8_a_stream_that_breaks_ends_in_failed(house: House, client: openai.OpenAI) -> None:
    """A provider that breaks off leaves the client a last event that says so."""
    house.simulators["anthropic"].script.queue("claude-simulated", InjectedFault(cut_after=6))

    events = list(client.responses.create(model="anthropic/claude-simulated", input=QUESTION, stream=True))

    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.status == "failed"
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_e1_a_refusal_keeps_its_status(client: openai.OpenAI, house: House) -> None:
    """A provider's 400 stays one, with its words."""
    house.simulators["openai"].script.queue("gpt-4o-mini", InjectedFault(status=400, message="no such thing"))

    with pytest.raises(openai.BadRequestError, match="no such thing"):
        client.responses.create(model="openai/gpt-4o-mini", input=QUESTION)


def test_e8_a_native_stream_that_breaks_goes_on_counting(house: House) -> None:
    """What passed as the provider wrote it ends in an error event with the next number."""
    house.simulators["openai"].script.queue("gpt-4o-mini", InjectedFault(cut_after=7))
    body = {"model": "openai/gpt-4o-mini", "input": QUESTION, "stream": True}
    headers = {"authorization": f"Bearer {house.key}"}

    with httpx.Client(trust_env=False) as client:
        answer = client.post(f"{house.url}/responses", json=body, headers=headers)
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]

    assert answer.status_code == 200
    assert [event["sequence_number"] for event in events] == list(range(8))
    assert events[-1]["type"] == "error"
    assert events[-1]["code"] == "stream_broken"


def test_unknown_fields_survive_both_ways(house: House) -> None:
    """Where the provider speaks Responses too, what nobody here knows passes: to it, and back."""
    known = {"role": "user", "content": [{"type": "input_text", "text": QUESTION, "tomorrow": 1}]}
    body = {"model": "openai/gpt-4o-mini", "input": [known], "moderation": {"later": True}}
    headers = {"authorization": f"Bearer {house.key}"}

    with httpx.Client(trust_env=False) as client:
        answer = client.post(f"{house.url}/responses", json=body, headers=headers).json()

    sent = house.simulators["openai"].script.asked[-1].body
    assert sent == {**body, "model": "gpt-4o-mini", "store": False}
    assert answer["text"] == {"format": {"type": "text"}}
    assert answer["model"] == "gpt-4o-mini"
