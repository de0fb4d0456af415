"""Rows of the catalog that stray from OpenAI's API: what becomes of a request for them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from vaultcore.catalog.load import builtin
from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.errors import InvalidRequest
from vaultcore.upstream.client import render

ROWS = builtin().providers
HI: list[dict[str, Any]] = [{"role": "user", "content": "Hi"}]
TOOLS: list[dict[str, Any]] = [{"type": "function", "function": {"name": name}} for name in ("look", "now")]
NAMED = {"type": "function", "function": {"name": "now"}}
ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
THOUGHT = [*HI, {"role": "assistant", "content": "Yes", "reasoning_content": "hm"}, *HI]
FUNCTION = {"name": "look", "parameters": {"type": "object", "properties": {}}}
CALLED = [
    *HI,
    {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
    {"role": "function", "name": "look", "content": "rain"},
]
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
SHOWN = [
    *HI,
    {
        "role": "assistant",
        "tool_calls": [{"id": "a", "type": "function", "function": {**TOOLS[0]["function"]}}],
    },
    {"role": "tool", "tool_call_id": "a", "content": [PICTURE]},
]
SHOWN[1]["tool_calls"][0]["function"]["arguments"] = "{}"

LOOPBACK = "http://127.0.0.1:9/v1"
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any], list[str]]] = {
    "q1 groq takes no logprobs": (
        "groq",
        {"logprobs": True, "seed": 1},
        {"logprobs": None, "seed": 1},
        ["logprobs"],
    ),
    "q1 one answer goes without saying": ("groq", {"n": 1}, {"n": None}, []),
    "q2 reasoning goes back where groq keeps it": (
        "groq",
        {"messages": THOUGHT},
        {"messages": [*HI, {"role": "assistant", "content": "Yes", "reasoning": "hm"}, *HI]},
        [],
    ),
    "q4 groq takes schemas beside tools, and says itself which models do not": (
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
    "q5 reasoning goes back to deepseek": ("deepseek", {"messages": THOUGHT}, {"messages": THOUGHT}, []),
    "q6 a schema in words": (
        "deepseek",
        {"response_format": SCHEMA},
        {"response_format": {"type": "json_object"}},
        ["response_format"],
    ),
    "q6 an object as it is": (
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
    "q7 pictures stay parts": (
        "moonshot",
        {"messages": [{"role": "user", "content": [PICTURE]}]},
        {"messages": [{"role": "user", "content": [PICTURE]}]},
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
    "q14 nor plain json": (
        "perplexity",
        {"response_format": {"type": "json_object"}},
        {"response_format": None},
        ["response_format"],
    ),
    "q15 cerebras wants its name for the length": (
        "cerebras",
        {"max_tokens": 5},
        {"max_completion_tokens": 5, "max_tokens": None},
        ["max_tokens"],
    ),
    "q16 sambanova knows no seed": ("sambanova", {"seed": 1}, {"seed": None}, ["seed"]),
    "q13 openrouter's own fields travel": (
        "openrouter",
        {"provider": {"order": ["a"]}},
        {"provider": {"order": ["a"]}},
        [],
    ),
    "q17 nvidia refuses what it does not know": (
        "nvidia",
        {"logit_bias": {"1": 2}, "store": True},
        {"logit_bias": None, "store": None},
        ["logit_bias", "store"],
    ),
    "q18 moonshot does not force": (
        "moonshot",
        {"tools": TOOLS, "tool_choice": "required"},
        {"tool_choice": "auto"},
        ["tool_choice"],
    ),
    "q18 temperatures end at one": ("moonshot", {"temperature": 1.5}, {"temperature": 1}, ["temperature"]),
    "q19 one stop sequence": ("zai", {"stop": ["a", "b"]}, {"stop": ["a"]}, ["stop"]),
    "q19 thinking off": (
        "zai",
        {"reasoning": {"effort": "none"}},
        {"thinking": {"type": "disabled"}, "reasoning": None},
        ["reasoning"],
    ),
    "q20 minimax is never at zero": ("minimax", {"temperature": 0}, {"temperature": 0.01}, ["temperature"]),
    "q21 a plain switch": (
        "dashscope",
        {"thinking": {"type": "enabled", "budget_tokens": 500}},
        {"enable_thinking": True, "thinking_budget": 500, "thinking": None},
        ["thinking"],
    ),
    "q21 off": ("dashscope", {"reasoning_effort": "none"}, {"enable_thinking": False}, ["reasoning_effort"]),
    "x4 functions as they are": (
        "openai",
        {"functions": [FUNCTION]},
        {"functions": [FUNCTION], "tools": None},
        [],
    ),
    "x4 functions as tools": (
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
    "x5 developers are system": (
        "groq",
        {"messages": [{"role": "developer", "content": "x"}, *HI]},
        {"messages": [{"role": "system", "content": "x"}, *HI]},
        [],
    ),
    "x5 but not at openai": (
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
    "x13 allowed tools elsewhere": (
        "groq",
        {"tools": TOOLS, "tool_choice": ALLOWED},
        {"tools": TOOLS[1:], "tool_choice": "auto"},
        ["tool_choice"],
    ),
    "x13 a choice of their own passes": (
        "xai",
        {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "now"}},
        {"tool_choice": {"type": "tool", "name": "now"}},
        [],
    ),
    "x30 three spellings": (
        "openai",
        {"thinking": {"type": "enabled", "budget_tokens": 4000}},
        {"reasoning_effort": "medium", "thinking": None},
        ["thinking"],
    ),
    "x30 the object": (
        "openai",
        {"reasoning": {"effort": "high"}},
        {"reasoning_effort": "high", "reasoning": None},
        ["reasoning"],
    ),
    "x31 reasoning stays with its issuer": (
        "openai",
        {"messages": THOUGHT},
        {"messages": [*HI, {"role": "assistant", "content": "Yes"}, *HI]},
        ["messages[1].reasoning_content"],
    ),
    "x31 an unknown house gets it as it came": ("acme", {"messages": THOUGHT}, {"messages": THOUGHT}, []),
    "o9 openai's own stays there": (
        "deepseek",
        {"prompt_cache_key": "k", "store": True},
        {"prompt_cache_key": None, "store": None},
        ["prompt_cache_key", "store"],
    ),
    "q22 azure names lengths like openai": (
        "azure",
        {"max_tokens": 3},
        {"max_completion_tokens": 3},
        ["max_tokens"],
    ),
}


def target(row: str, **able: Any) -> Target:
    provider = ROWS.get(row) or Provider(row, f"https://api.{row}.test/v1")
    return Target(provider, Model("m", capabilities=Capabilities(**able)))


def ask(to: Target, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    """The body that is sent, and the paths of what was changed."""
    asked = {"model": "m", "messages": HI, **copy.deepcopy(fields)}
    rendered = render(to, chat.parse_request(asked)).rendered
    return rendered.body, [change.path for change in rendered.changes]


@pytest.mark.parametrize("name", CASES)
def test_rows(name: str) -> None:
    """A row's columns change what they are about, and say so where the client would notice."""
    row, fields, expected, paths = CASES[name]

    body, changed = ask(target(row), **fields)

    assert {key: body.get(key) for key in expected} == expected
    assert changed == paths


LOCAL: dict[str, tuple[Provider, dict[str, Any], dict[str, Any], list[str]]] = {
    "q23 ollama does not force": (
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
    "q25 lm studio has schemas and no plain json": (
        Provider("lmstudio", LOOPBACK, local=True, formats=("text", "json_schema")),
        {"response_format": {"type": "json_object"}},
        {"response_format": None},
        ["response_format"],
    ),
}


@pytest.mark.parametrize("name", LOCAL)
def test_servers_of_ones_own(name: str) -> None:
    """The rows that docs/providers.md gives for servers on one's own machine do what they are for."""
    provider, fields, expected, paths = LOCAL[name]

    body, changed = ask(Target(provider, Model("m")), **fields)

    assert {key: body.get(key) for key in expected} == expected
    assert "encoding_format" not in body
    assert changed == paths


def test_o1_reasoning_models_have_no_sampling() -> None:
    """Where a model has no sampling parameters they are left out, and taken if it is not to reason."""
    fields: dict[str, Any] = {"temperature": 0.2, "logprobs": True, "top_logprobs": 2}

    body, changed = ask(target("openai", sampling_params=False), **fields, top_p=1)
    kept, unchanged = ask(target("openai", sampling_params=False), **fields, reasoning_effort="none")

    assert body.keys().isdisjoint(fields)
    assert body["top_p"] == 1
    assert changed == ["temperature", "logprobs", "top_logprobs"]
    assert kept.items() >= fields.items()
    assert unchanged == []


@pytest.mark.parametrize(
    ("wanted", "levels", "expected"),
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
def test_o2_the_nearest_effort(wanted: str, levels: tuple[str, ...], expected: str) -> None:
    """An effort the model has not becomes the nearest, rather lower; who was to think does think."""
    body, changed = ask(target("openai", effort_levels=levels), reasoning_effort=wanted)

    assert body["reasoning_effort"] == expected
    assert changed == ([] if wanted == expected else ["reasoning_effort"])


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_effort": "low", "reasoning": {"effort": "high"}},
        {"reasoning_effort": "low", "thinking": {"type": "disabled"}},
        {"reasoning": {"max_tokens": -1}},
        {"reasoning": {"effort": 3}},
    ],
)
def test_x30_spellings_that_disagree_are_refused(fields: dict[str, Any]) -> None:
    """Two spellings of one wish must not contradict each other."""
    with pytest.raises(InvalidRequest):
        ask(target("openai"), **fields)


def test_x4_a_function_called_before_becomes_a_call() -> None:
    """The call gets an id, the result behind it the same, and what changes is told in the client's words."""
    body, changed = ask(target("perplexity"), messages=CALLED, functions=[FUNCTION])
    _, called, answered = body["messages"]

    assert called["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}
    assert answered == {"role": "tool", "tool_call_id": called["tool_calls"][0]["id"], "content": "rain"}
    assert changed == ["functions"]


def test_x19_a_tool_shows_a_picture() -> None:
    """What is no text in a tool's result follows as the user's, with a pointer to the call."""
    body, changed = ask(target("openai"), messages=SHOWN)
    *_, result, shown = body["messages"]

    assert result == {"role": "tool", "tool_call_id": "a", "content": "The result follows."}
    assert shown["role"] == "user"
    assert shown["content"][1] == PICTURE
    assert changed == ["messages[2].content"]


def test_results_without_an_id_answer_in_order() -> None:
    """A result that names no call is as it was for who judges that, and for others answers the next one."""
    turns: list[dict[str, Any]] = [*SHOWN[:2], {"role": "tool", "content": "rain"}]

    assert "tool_call_id" not in ask(target("zai"), messages=turns)[0]["messages"][2]
    assert ask(target("cohere"), messages=turns)[0]["messages"][2]["tool_call_id"] == "a"
    with pytest.raises(InvalidRequest) as caught:
        ask(target("cohere"), messages=[*turns, {"role": "tool", "content": "snow"}])
    assert caught.value.param == "messages[3].tool_call_id"


def test_a_named_tool_that_is_not_there_is_refused() -> None:
    """A choice among the tools that names none of them makes no sense to anyone."""
    with pytest.raises(InvalidRequest) as caught:
        ask(target("moonshot"), tools=TOOLS, tool_choice={"type": "function", "function": {"name": "x"}})

    assert caught.value.param == "tool_choice"


def test_every_column_has_two_rows() -> None:
    """A column that only one provider needs would be a special case: there is none."""
    plain = Provider("acme", "https://api.acme.test/v1")
    columns = ("roles", "flatten", "clamp", "max_stop", "formats", "tool_choices")
    for column in (*columns, "reasoning", "replay", "functions", "think_tags"):
        usual = getattr(plain, column)
        assert sum(getattr(row, column) != usual for row in ROWS.values()) >= 2, column
