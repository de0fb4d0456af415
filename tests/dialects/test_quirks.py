"""Requests for providers that deviate from OpenAI's API by the columns of their rows."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.errors import InvalidRequest
from vaultcore.upstream.provider_request import render

ROWS = load_builtin().providers
HI: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
EMPTY: dict[str, Any] = {"type": "object", "properties": {}}
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": name, "parameters": EMPTY}} for name in ("look", "now")
]
NAMED = {"type": "function", "function": {"name": "now"}}
ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
REASONED = [*HI, {"role": "assistant", "content": "Yes", "reasoning_content": "hm"}, *HI]
FUNCTION = {"name": "look", "parameters": {"type": "object", "properties": {}}}
LEGACY_CALL = [
    *HI,
    {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
    {"role": "function", "name": "look", "content": "rain"},
]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
IMAGE_RESULT = [
    *HI,
    {
        "role": "assistant",
        "tool_calls": [{"id": "a", "type": "function", "function": {**TOOLS[0]["function"]}}],
    },
    {"role": "tool", "tool_call_id": "a", "content": [IMAGE]},
]
IMAGE_RESULT[1]["tool_calls"][0]["function"]["arguments"] = "{}"

LOOPBACK = "http://127.0.0.1:9/v1"
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any], list[str]]] = {
    "q1 groq takes no logprobs": (
        "groq",
        {"logprobs": True, "seed": 1},
        {"logprobs": None, "seed": 1},
        ["logprobs"],
    ),
    "q1 n of 1 is not reported": ("groq", {"n": 1}, {"n": None}, []),
    "q2 reasoning goes to groq's field": (
        "groq",
        {"messages": REASONED},
        {"messages": [*HI, {"role": "assistant", "content": "Yes", "reasoning": "hm"}, *HI]},
        [],
    ),
    "q4 groq takes schemas with tools; it rejects them itself for some models": (
        "groq",
        {"response_format": SCHEMA, "tools": TOOLS},
        {"response_format": SCHEMA, "tools": TOOLS},
        [],
    ),
    "q5 a switch for thinking": (
        "deepseek",
        {"reasoning_effort": "none"},
        {"thinking": {"type": "disabled"}, "reasoning_effort": None},
        ["reasoning_effort"],
    ),
    "q5 the switch itself passes": (
        "deepseek",
        {"thinking": {"type": "enabled"}},
        {"thinking": {"type": "enabled"}},
        [],
    ),
    "q5 reasoning goes back to deepseek": ("deepseek", {"messages": REASONED}, {"messages": REASONED}, []),
    "q6 a schema becomes a prompt": (
        "deepseek",
        {"response_format": SCHEMA},
        {"response_format": {"type": "json_object"}},
        ["response_format"],
    ),
    "q6 json_object is unchanged": (
        "deepseek",
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_object"}},
        [],
    ),
    "q7 text as one string": (
        "moonshot",
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
            ]
        },
        {"messages": [{"role": "user", "content": "ab"}]},
        [],
    ),
    "q7 images stay parts": (
        "moonshot",
        {"messages": [{"role": "user", "content": [IMAGE]}]},
        {"messages": [{"role": "user", "content": [IMAGE]}]},
        [],
    ),
    "q12 openrouter has the object": (
        "openrouter",
        {"reasoning": {"max_tokens": 9}},
        {"reasoning": {"max_tokens": 9}},
        [],
    ),
    "q12 thinking becomes the object": (
        "openrouter",
        {"thinking": {"type": "enabled", "budget_tokens": 900}},
        {"reasoning": {"max_tokens": 900}, "thinking": None},
        ["thinking"],
    ),
    "q14 perplexity has no tools": ("perplexity", {"tools": TOOLS}, {"tools": None}, ["tools"]),
    "q14 perplexity has no json_object": (
        "perplexity",
        {"response_format": {"type": "json_object"}},
        {"response_format": None},
        ["response_format"],
    ),
    "q15 cerebras has another name for max_tokens": (
        "cerebras",
        {"max_tokens": 5},
        {"max_completion_tokens": 5, "max_tokens": None},
        ["max_tokens"],
    ),
    "q16 sambanova has no seed": ("sambanova", {"seed": 1}, {"seed": None}, ["seed"]),
    "q13 openrouter's own fields travel": (
        "openrouter",
        {"provider": {"order": ["a"]}},
        {"provider": {"order": ["a"]}},
        [],
    ),
    "q17 nvidia rejects unknown fields": (
        "nvidia",
        {"logit_bias": {"1": 2}, "store": True},
        {"logit_bias": None, "store": None},
        ["logit_bias", "store"],
    ),
    "q18 moonshot cannot force a call": (
        "moonshot",
        {"tools": TOOLS, "tool_choice": "required"},
        {"tool_choice": "auto"},
        ["tool_choice"],
    ),
    "q18 temperature is at most 1": ("moonshot", {"temperature": 1.5}, {"temperature": 1}, ["temperature"]),
    "q19 one stop sequence": ("zai", {"stop": ["a", "b"]}, {"stop": ["a"]}, ["stop"]),
    "q19 thinking off": (
        "zai",
        {"reasoning": {"effort": "none"}},
        {"thinking": {"type": "disabled"}, "reasoning": None},
        ["reasoning"],
    ),
    "q20 minimax has no temperature 0": (
        "minimax",
        {"temperature": 0},
        {"temperature": 0.01},
        ["temperature"],
    ),
    "q21 a plain switch": (
        "dashscope",
        {"thinking": {"type": "enabled", "budget_tokens": 500}},
        {"enable_thinking": True, "thinking_budget": 500, "thinking": None},
        ["thinking"],
    ),
    "q21 off": ("dashscope", {"reasoning_effort": "none"}, {"enable_thinking": False}, ["reasoning_effort"]),
    "x4 openai keeps functions": (
        "openai",
        {"functions": [FUNCTION]},
        {"functions": [FUNCTION], "tools": None},
        [],
    ),
    "x4 functions become tools": (
        "groq",
        {"functions": [FUNCTION], "function_call": {"name": "look"}},
        {
            "functions": None,
            "tools": [{"type": "function", "function": FUNCTION}],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "parallel_tool_calls": False,
        },
        [],
    ),
    "x5 developer becomes system": (
        "groq",
        {"messages": [{"role": "developer", "content": "x"}, *HI]},
        {"messages": [{"role": "system", "content": "x"}, *HI]},
        [],
    ),
    "x5 openai keeps developer": (
        "openai",
        {"messages": [{"role": "developer", "content": "x"}, *HI]},
        {"messages": [{"role": "developer", "content": "x"}, *HI]},
        [],
    ),
    "x13 allowed tools at openai": (
        "openai",
        {"tools": TOOLS, "tool_choice": ALLOWED},
        {"tool_choice": ALLOWED},
        [],
    ),
    "x13 allowed tools at other providers": (
        "groq",
        {"tools": TOOLS, "tool_choice": ALLOWED},
        {"tools": TOOLS[1:], "tool_choice": "auto"},
        ["tool_choice"],
    ),
    "x13 a provider's own choice is unchanged": (
        "xai",
        {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "now"}},
        {"tool_choice": {"type": "tool", "name": "now"}},
        [],
    ),
    "x30 thinking becomes the effort": (
        "openai",
        {"thinking": {"type": "enabled", "budget_tokens": 4000}},
        {"reasoning_effort": "medium", "thinking": None},
        ["thinking"],
    ),
    "x30 reasoning becomes the effort": (
        "openai",
        {"reasoning": {"effort": "high"}},
        {"reasoning_effort": "high", "reasoning": None},
        ["reasoning"],
    ),
    "x31 reasoning stays with its issuer": (
        "openai",
        {"messages": REASONED},
        {"messages": [*HI, {"role": "assistant", "content": "Yes"}, *HI]},
        ["messages[1].reasoning_content"],
    ),
    "x31 an unknown provider gets it unchanged": ("acme", {"messages": REASONED}, {"messages": REASONED}, []),
    "o9 openai's own fields go to openai only": (
        "deepseek",
        {"prompt_cache_key": "k", "store": True},
        {"prompt_cache_key": None, "store": None},
        ["prompt_cache_key", "store"],
    ),
    "q22 azure has openai's name for max_tokens": (
        "azure",
        {"max_tokens": 3},
        {"max_completion_tokens": 3},
        ["max_tokens"],
    ),
}


def target(row: str, **capabilities: Any) -> Target:
    provider = ROWS.get(row) or Provider(row, f"https://api.{row}.test/v1")
    return Target(provider, Model("m", capabilities=Capabilities(**capabilities)))


def ask(to: Target, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    """Return the rendered body and the paths of the changes."""
    request = {"model": "m", "messages": HI, **copy.deepcopy(fields)}
    rendered = render(to, chat.parse_request(request)).rendered
    return rendered.body, [change.path for change in rendered.changes]


@pytest.mark.parametrize("name", CASES)
def test_rows(name: str) -> None:
    """A row's columns change the request and report what the client would notice."""
    row, fields, expected, paths = CASES[name]

    body, changed = ask(target(row), **fields)

    assert {key: body.get(key) for key in expected} == expected
    assert changed == paths


LOCAL: dict[str, tuple[Provider, dict[str, Any], dict[str, Any], list[str]]] = {
    "q23 ollama cannot force a call": (
        Provider("ollama", LOOPBACK, local=True, tool_choices=("auto", "none")),
        {"tools": TOOLS, "tool_choice": "required"},
        {"tool_choice": "auto"},
        ["tool_choice"],
    ),
    "q24 vllm's own fields travel": (
        Provider("vllm", LOOPBACK, local=True),
        {"chat_template_kwargs": {"enable_thinking": False}, "encoding_format": None},
        {"chat_template_kwargs": {"enable_thinking": False}},
        [],
    ),
    "q25 lm studio has schemas and no json_object": (
        Provider("lmstudio", LOOPBACK, local=True, formats=("text", "json_schema")),
        {"response_format": {"type": "json_object"}},
        {"response_format": None},
        ["response_format"],
    ),
}


@pytest.mark.parametrize("name", LOCAL)
def test_local_servers(name: str) -> None:
    """The rows of docs/providers.md for local servers work."""
    provider, fields, expected, paths = LOCAL[name]

    body, changed = ask(Target(provider, Model("m")), **fields)

    assert {key: body.get(key) for key in expected} == expected
    assert "encoding_format" not in body
    assert changed == paths


def test_o1_reasoning_models_have_no_sampling() -> None:
    """A reasoning model gets no sampling parameters, unless the effort is none."""
    fields: dict[str, Any] = {"temperature": 0.2, "logprobs": True, "top_logprobs": 2}

    body, changed = ask(target("openai", sampling_params=False), **fields, top_p=1)
    unreasoned, unchanged = ask(target("openai", sampling_params=False), **fields, reasoning_effort="none")

    assert body.keys().isdisjoint(fields)
    assert body["top_p"] == 1
    assert changed == ["temperature", "logprobs", "top_logprobs"]
    assert unreasoned.items() >= fields.items()
    assert unchanged == []


@pytest.mark.parametrize(
    ("effort", "levels", "expected"),
    [
        ("low", ("low", "high"), "low"),
        ("medium", ("low", "high"), "low"),
        ("xhigh", ("low", "medium", "high"), "high"),
        ("none", ("minimal", "low"), "minimal"),
        ("medium", ("none", "high"), "high"),
        ("minimal", ("none", "high"), "none"),
        ("nonsense", ("low",), "nonsense"),
    ],
)
def test_o2_the_nearest_effort(effort: str, levels: tuple[str, ...], expected: str) -> None:
    """An effort that the model lacks becomes the nearest, the lower of two, and not none."""
    body, changed = ask(target("openai", effort_levels=levels), reasoning_effort=effort)

    assert body["reasoning_effort"] == expected
    assert changed == ([] if effort == expected else ["reasoning_effort"])


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_effort": "low", "reasoning": {"effort": "high"}},
        {"reasoning": {"max_tokens": -1}},
        {"reasoning": {"effort": 3}},
    ],
)
def test_x30_contradictory_fields_are_rejected(fields: dict[str, Any]) -> None:
    """Two reasoning fields that contradict each other raise InvalidRequest."""
    with pytest.raises(InvalidRequest):
        ask(target("openai"), **fields)


def test_x4_a_function_call_becomes_a_tool_call() -> None:
    """The call and its result get the same id; the changes have the client's paths."""
    body, changed = ask(target("perplexity"), messages=LEGACY_CALL, functions=[FUNCTION])
    _, call, result = body["messages"]

    assert call["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}
    assert result == {"role": "tool", "tool_call_id": call["tool_calls"][0]["id"], "content": "rain"}
    assert changed == ["functions"]


def test_x19_an_image_in_a_tool_result() -> None:
    """An image in a tool result moves to a user message that names the call."""
    body, changed = ask(target("openai"), messages=IMAGE_RESULT)
    *_, result, user = body["messages"]

    assert result == {"role": "tool", "tool_call_id": "a", "content": "The result follows."}
    assert user["role"] == "user"
    assert user["content"][1] == IMAGE
    assert changed == ["messages[2].content"]


def test_results_without_an_id_are_matched_in_order() -> None:
    """A result without an id gets the id of the next open call, if the provider requires ids."""
    turns: list[dict[str, Any]] = [*IMAGE_RESULT[:2], {"role": "tool", "content": "rain"}]

    assert "tool_call_id" not in ask(target("zai"), messages=turns)[0]["messages"][2]
    assert ask(target("cohere"), messages=turns)[0]["messages"][2]["tool_call_id"] == "a"
    with pytest.raises(InvalidRequest) as caught:
        ask(target("cohere"), messages=[*turns, {"role": "tool", "content": "snow"}])
    assert caught.value.param == "messages[3].tool_call_id"


def test_an_unknown_tool_name_is_rejected() -> None:
    """A tool_choice that names no tool of the request raises InvalidRequest."""
    with pytest.raises(InvalidRequest) as caught:
        ask(target("moonshot"), tools=TOOLS, tool_choice={"type": "function", "function": {"name": "x"}})

    assert caught.value.param == "tool_choice"


def test_every_column_has_two_rows() -> None:
    """No column exists for one provider only."""
    plain = Provider("acme", "https://api.acme.test/v1")
    columns = ("roles", "flatten", "clamp", "max_stop", "formats", "tool_choices")
    for column in (*columns, "reasoning", "replay", "functions", "think_tags"):
        usual = getattr(plain, column)
        assert sum(getattr(row, column) != usual for row in ROWS.values()) >= 2, column
