"""Simulated providers: the official SDKs can talk to them, and they refuse what the real ones refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from vaultcore.simulators.faults import InjectedFault
from vaultcore.simulators.reply import Prompt, Tool, reply
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
def one(providers: dict[str, Simulator]) -> Iterator[openai.OpenAI]:
    held = providers["one"]
    with openai.OpenAI(api_key=held.key, base_url=held.base_url, max_retries=0) as client:
        yield client


@pytest.fixture
def two(providers: dict[str, Simulator]) -> Iterator[anthropic.Anthropic]:
    held = providers["two"]
    root = held.base_url.removesuffix("/v1")
    with anthropic.Anthropic(api_key=held.key, base_url=root, max_retries=0) as client:
        yield client


def test_the_same_question_has_the_same_answer(one: openai.OpenAI) -> None:
    """Answers are a function of the prompt, streamed or not."""
    whole = one.chat.completions.create(model="gpt-4o", messages=QUESTION)
    chunks = list(one.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True))

    assert "why is the sky blue?" in (whole.choices[0].message.content or "")
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == whole.choices[0].message.content
    assert len(chunks) > 5
    assert whole == one.chat.completions.create(model="gpt-4o", messages=QUESTION)


def test_named_tools_are_called_in_parallel(one: openai.OpenAI) -> None:
    """Each tool that the prompt names is called with arguments its schema allows, also streamed."""
    with one.chat.completions.stream(model="gpt-4o", messages=CALLS, tools=TOOLS) as stream:
        final = stream.get_final_completion()
    whole = one.chat.completions.create(model="gpt-4o", messages=CALLS, tools=TOOLS)

    for choice in (final.choices[0], whole.choices[0]):
        called = [
            (call.function.name, json.loads(call.function.arguments))
            for call in choice.message.tool_calls or []
        ]  # type: ignore[union-attr]
        assert called == [("weather", {"city": "a city", "days": 3}), ("now", {})]
        assert choice.finish_reason == "tool_calls"


def test_messages_speak_through_the_official_sdk(two: anthropic.Anthropic) -> None:
    """The Anthropic SDK reads answers, streams, tool calls and usage."""
    tools: Any = [
        {"name": "weather", "input_schema": WEATHER},
        {"name": "now", "input_schema": {"type": "object"}},
    ]
    whole = two.messages.create(model="claude-simulated", max_tokens=500, messages=QUESTION)
    with two.messages.stream(model="claude-simulated", max_tokens=500, messages=CALLS, tools=tools) as stream:
        final = stream.get_final_message()

    assert whole.stop_reason == "end_turn"
    assert whole.usage.output_tokens > 10
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
def test_openai_rules_are_enforced(one: openai.OpenAI, change: Any, param: str) -> None:
    """A request that the real provider refuses is refused here, and says where."""
    body = {"model": "gpt-4o", "messages": QUESTION, **change}

    with pytest.raises(openai.BadRequestError) as caught:
        one.post("/chat/completions", body=body, cast_to=object)

    assert caught.value.param == param


USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "now", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "noon"}]}


@pytest.mark.parametrize(
    "change",
    [
        {"max_tokens": None},
        {"messages": []},
        {"messages": [QUESTION[0], QUESTION[0]]},
        {"messages": [{"role": "assistant", "content": "first"}]},
        {"messages": [QUESTION[0], USE, QUESTION[0]]},
        {"messages": [RESULT]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]},
        {"temperature": 2},
        {"frequency_penalty": 1},
        {"tools": [{"name": "not a name", "input_schema": {"type": "object"}}]},
    ],
)
def test_anthropic_rules_are_enforced(two: anthropic.Anthropic, change: Any) -> None:
    """A request that the real provider refuses is refused here."""
    body = {"model": "claude-simulated", "max_tokens": 9, "messages": QUESTION, **change}

    with pytest.raises(anthropic.BadRequestError):
        two.post("/v1/messages", body=body, cast_to=object)


def test_tool_results_are_told(two: anthropic.Anthropic) -> None:
    """After a tool has answered, the model speaks about it."""
    history: Any = [QUESTION[0], USE, RESULT]
    tools: Any = [{"name": "now", "input_schema": {"type": "object"}}]

    told = two.messages.create(model="claude-simulated", max_tokens=99, messages=history, tools=tools)

    assert told.content[0].type == "text"
    assert told.content[0].text.startswith("The tool answered: noon")


def test_a_wrong_key_is_refused(providers: dict[str, Simulator]) -> None:
    """Each provider knows one key: its own."""
    for held in providers.values():
        answer = httpx.get(f"{held.base_url}/models", headers={"authorization": "Bearer x", "x-api-key": "x"})

        assert answer.status_code == 401
        assert "error" in answer.json()


def test_mishaps_are_played_once(providers: dict[str, Simulator], one: openai.OpenAI) -> None:
    """A scripted refusal carries its status and Retry-After, and the next request is answered."""
    providers["one"].script.queue("gpt-4o-mini", InjectedFault(status=429, retry_after=1.5))

    with pytest.raises(openai.RateLimitError) as caught:
        one.chat.completions.create(model="gpt-4o-mini", messages=QUESTION)

    assert caught.value.response.headers["retry-after"] == "1.5"
    assert one.chat.completions.create(model="gpt-4o-mini", messages=QUESTION).choices


def test_a_stream_can_be_cut(providers: dict[str, Simulator], one: openai.OpenAI) -> None:
    """A scripted cut ends the connection after so many events, without the last chunk."""
    providers["one"].script.queue("gpt-4.1", InjectedFault(cut_after=2))
    stream = one.chat.completions.create(model="gpt-4.1", messages=QUESTION, stream=True)
    seen = []

    with pytest.raises(openai.APIConnectionError):
        seen.extend(stream)

    assert providers["one"].script.asked[-1].stream


def test_a_limit_cuts_the_answer() -> None:
    """An answer is no longer than the request allows, and says that it was cut."""
    answer = reply(Prompt("x", ["hello"], limit=3))

    assert answer.cut
    assert answer.completion_tokens == 3
    assert len(answer.text) == 12


def test_one_tool_where_parallel_calls_are_off() -> None:
    """A client that forbids parallel calls gets one."""
    both = [Tool("a"), Tool("b")]

    assert len(reply(Prompt("x", ["use a and b"], both)).calls) == 2
    assert len(reply(Prompt("x", ["use a and b"], both, parallel=False)).calls) == 1
    assert [call.name for call in reply(Prompt("x", ["hm"], both, forced="b")).calls] == ["b"]
    assert reply(Prompt("x", ["hm"], both)).calls == ()
