"""Simulated OpenAI-style and Anthropic-style providers: formats by the official SDKs, rules and faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from vaultcore.simulators.faults import InjectedFault
from vaultcore.simulators.reply import Prompt, PromptTool, generate_reply
from vaultcore.simulators.server import Simulator, simulated

WEATHER: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
}
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "now"}},
]
QUESTION: Any = [{"role": "user", "content": "why is the sky blue?"}]
CALLS: Any = [{"role": "user", "content": "call weather, then now"}]


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, Simulator]]:
    with simulated({"one": "openai", "two": "anthropic"}) as running:
        yield running


@pytest.fixture
def openai_client(providers: dict[str, Simulator]) -> Iterator[openai.OpenAI]:
    simulator = providers["one"]
    with openai.OpenAI(api_key=simulator.key, base_url=simulator.base_url, max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_client(providers: dict[str, Simulator]) -> Iterator[anthropic.Anthropic]:
    simulator = providers["two"]
    root = simulator.base_url.removesuffix("/v1")
    with anthropic.Anthropic(api_key=simulator.key, base_url=root, max_retries=0) as client:
        yield client


def test_replies_are_deterministic(openai_client: openai.OpenAI) -> None:
    """The same prompt gets the same reply, buffered or streamed."""
    buffered = openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    chunks = list(openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True))

    assert "why is the sky blue?" in (buffered.choices[0].message.content or "")
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == buffered.choices[0].message.content
    assert len(chunks) > 5
    assert buffered == openai_client.chat.completions.create(model="gpt-4o", messages=QUESTION)


def test_named_tools_are_called_in_parallel(openai_client: openai.OpenAI) -> None:
    """Each tool that the prompt names is called with valid arguments, buffered or streamed."""
    with openai_client.chat.completions.stream(model="gpt-4o", messages=CALLS, tools=TOOLS) as stream:
        final = stream.get_final_completion()
    buffered = openai_client.chat.completions.create(model="gpt-4o", messages=CALLS, tools=TOOLS)

    for choice in (final.choices[0], buffered.choices[0]):
        calls = [
            (call.function.name, json.loads(call.function.arguments))
            for call in choice.message.tool_calls or []
        ]  # type: ignore[union-attr]
        assert calls == [("weather", {"city": "a city", "days": 3}), ("now", {})]
        assert choice.finish_reason == "tool_calls"


def test_the_anthropic_sdk(anthropic_client: anthropic.Anthropic) -> None:
    """The Anthropic SDK reads messages, streams, tool calls and usage."""
    tools: Any = [
        {"name": "weather", "input_schema": WEATHER},
        {"name": "now", "input_schema": {"type": "object"}},
    ]
    buffered = anthropic_client.messages.create(model="claude-simulated", max_tokens=500, messages=QUESTION)
    with anthropic_client.messages.stream(
        model="claude-simulated", max_tokens=500, messages=CALLS, tools=tools
    ) as stream:
        final = stream.get_final_message()

    assert buffered.stop_reason == "end_turn"
    assert buffered.usage.output_tokens > 10
    assert [(b.name, b.input) for b in final.content if b.type == "tool_use"] == [
        ("weather", {"city": "a city", "days": 3}),
        ("now", {}),
    ]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "tool_call_id": "a", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"surprise": 1}, "surprise"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"temperature": 3}, "temperature"),
    ],
)
def test_openai_rules_are_enforced(openai_client: openai.OpenAI, change: Any, param: str) -> None:
    """A request against OpenAI's rules is rejected with the parameter."""
    body = {"model": "gpt-4o", "messages": QUESTION, **change}

    with pytest.raises(openai.BadRequestError) as caught:
        openai_client.post("/chat/completions", body=body, cast_to=object)

    assert caught.value.param == param


TOOL_USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "now", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "noon"}]}


@pytest.mark.parametrize(
    "change",
    [
        {"max_tokens": None},
        {"messages": []},
        {"messages": [QUESTION[0], QUESTION[0]]},
        {"messages": [{"role": "assistant", "content": "first"}]},
        {"messages": [QUESTION[0], TOOL_USE, QUESTION[0]]},
        {"messages": [RESULT]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]},
        {"temperature": 2},
        {"frequency_penalty": 1},
        {"tools": [{"name": "not a name", "input_schema": {"type": "object"}}]},
    ],
)
def test_anthropic_rules_are_enforced(anthropic_client: anthropic.Anthropic, change: Any) -> None:
    """A request against Anthropic's rules is rejected."""
    body = {"model": "claude-simulated", "max_tokens": 9, "messages": QUESTION, **change}

    with pytest.raises(anthropic.BadRequestError):
        anthropic_client.post("/v1/messages", body=body, cast_to=object)


def test_tool_results_are_quoted(anthropic_client: anthropic.Anthropic) -> None:
    """After a tool result, the reply quotes it."""
    history: Any = [QUESTION[0], TOOL_USE, RESULT]
    tools: Any = [{"name": "now", "input_schema": {"type": "object"}}]

    message = anthropic_client.messages.create(
        model="claude-simulated", max_tokens=99, messages=history, tools=tools
    )

    assert message.content[0].type == "text"
    assert message.content[0].text.startswith("The tool answered: noon")


def test_a_wrong_key_is_rejected(providers: dict[str, Simulator]) -> None:
    """Each provider accepts only its own key."""
    for simulator in providers.values():
        response = httpx.get(
            f"{simulator.base_url}/models", headers={"authorization": "Bearer x", "x-api-key": "x"}
        )

        assert response.status_code == 401
        assert "error" in response.json()


def test_faults_are_injected_once(providers: dict[str, Simulator], openai_client: openai.OpenAI) -> None:
    """An injected error has its status and Retry-After, and the next request succeeds."""
    providers["one"].script.queue("gpt-4o-mini", InjectedFault(status=429, retry_after=1.5))

    with pytest.raises(openai.RateLimitError) as caught:
        openai_client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)

    assert caught.value.response.headers["retry-after"] == "1.5"
    assert openai_client.chat.completions.create(model="gpt-4o-mini", messages=QUESTION).choices


def test_a_stream_can_be_cut(providers: dict[str, Simulator], openai_client: openai.OpenAI) -> None:
    """An injected cut closes the connection after a number of events."""
    providers["one"].script.queue("gpt-4.1", InjectedFault(cut_after=2))
    stream = openai_client.chat.completions.create(model="gpt-4.1", messages=QUESTION, stream=True)
    chunks = []

    with pytest.raises(openai.APIConnectionError):
        chunks.extend(stream)

    assert providers["one"].script.requests[-1].stream


def test_the_token_limit_cuts_the_reply() -> None:
    """A reply is cut at the token limit."""
    response = generate_reply(Prompt("x", ["hello"], token_limit=3))

    assert response.is_cut
    assert response.completion_tokens == 3
    assert len(response.text) == 12


def test_parallel_calls_can_be_disabled() -> None:
    """Without parallel calls, the reply has one call; a forced tool is called."""
    both = [PromptTool("a"), PromptTool("b")]

    assert len(generate_reply(Prompt("x", ["use a and b"], both)).calls) == 2
    assert len(generate_reply(Prompt("x", ["use a and b"], both, parallel=False)).calls) == 1
    assert [call.name for call in generate_reply(Prompt("x", ["hm"], both, forced_tool="b")).calls] == ["b"]
    assert generate_reply(Prompt("x", ["hm"], both)).calls == ()
