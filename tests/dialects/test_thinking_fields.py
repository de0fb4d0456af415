"""Anthropic's `thinking` in chat requests, for every dialect and every kind of catalog row."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Target
from vaultcore.dialects.thinking_conflicts import NO_REASONING
from vaultcore.upstream.provider_request import render

CATALOG = load_builtin()
HI: list[Any] = [{"role": "user", "content": "Hi"}]
SCHEMA = {"type": "object", "properties": {}}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CALLED = [
    *HI,
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "rain"},
]
OFF = {"thinking": {"type": "disabled"}}
BUDGET = {"thinking": {"type": "enabled", "budget_tokens": 31_999}, "max_tokens": 64_000}
ADAPTIVE = {"thinking": {"type": "adaptive"}}
FIELDS = (
    *(
        "thinking",
        "reasoning_effort",
        "reasoning",
        "enable_thinking",
        "output_config",
        "chat_template_kwargs",
    ),
    *("thinking_budget", "additionalModelRequestFields"),
)


def target(name: str) -> Target:
    provider, _, model = name.partition("/")
    return Target(CATALOG.providers[provider], CATALOG.models.model(provider, model))


def send(name: str, **fields: Any) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """Return the rendered body, and path and kind of each change."""
    request: Any = {"model": "m", "messages": HI, **fields}
    rendered = render(target(name), request).rendered
    return rendered.body, {(change.path, change.kind) for change in rendered.changes}


def reasoning(body: dict[str, Any]) -> dict[str, Any]:
    config = body.get("generationConfig", {}).get("thinkingConfig")
    gemini = {} if config is None else {"thinkingConfig": config}
    return {**{name: body[name] for name in FIELDS if name in body}, **gemini}


DISABLED: dict[str, dict[str, Any]] = {
    "openai/gpt-5.2": {"reasoning_effort": "none"},
    "openai/o3": {"reasoning_effort": "low"},  # has no lower one
    "openai/gpt-4o": {},
    "deepseek/deepseek-v4-pro": OFF,
    "moonshot/kimi-k2.6": OFF,
    "zai/glm-4.6": OFF,
    "dashscope/qwen-plus": {"enable_thinking": False},
    "openrouter/anything": {"reasoning": {"enabled": False}},
    "vllm/anything": {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}},
    "groq/unknown-model": {},
    "gemini/gemini-2.5-flash": {"thinkingConfig": {"thinkingBudget": 0}},
    "gemini/gemini-2.5-pro": {"thinkingConfig": {"thinkingBudget": 128}},
    "cohere/command-a-reasoning-08-2025": OFF,
    "anthropic/claude-opus-4-8": OFF,
    "anthropic/claude-fable-5": {"output_config": {"effort": "low"}},  # always reasons
    "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0": {"additionalModelRequestFields": OFF},
    "bedrock/amazon.nova-2-lite-v1:0": {"additionalModelRequestFields": {"reasoningConfig": OFF["thinking"]}},
    "bedrock/openai.gpt-oss-120b-1:0": {"additionalModelRequestFields": {"reasoning_effort": "low"}},
}


@pytest.mark.parametrize("name", DISABLED)
def test_t1_disabled_thinking_reaches_the_provider(name: str) -> None:
    """`thinking: disabled` is sent in the provider's own field, or as its lowest effort."""
    body, _ = send(name, **OFF)

    assert reasoning(body) == DISABLED[name]


@pytest.mark.parametrize("name", [name for name in DISABLED if "claude" not in name])
def test_t2_disabled_thinking_overrules_an_effort(name: str) -> None:
    """An effort beside disabled thinking is dropped and reported. Only Claude accepts both."""
    body, changes = send(name, **OFF, reasoning_effort="high")

    assert reasoning(body) == DISABLED[name]
    assert ("reasoning_effort", "dropped") in changes


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "anthropic/claude-opus-4-8": {
            "thinking": {"type": "adaptive", "display": "summarized"},
            "output_config": {"effort": "max"},
        },
        "anthropic/claude-sonnet-4-5": {"thinking": {"type": "enabled", "budget_tokens": 31_999}},
        "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0": {
            "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 31_999}}
        },
        "bedrock/us.anthropic.claude-opus-4-8": {
            "additionalModelRequestFields": {"thinking": {"type": "adaptive", "display": "summarized"}}
        },
        "deepseek/deepseek-v4-pro": {"thinking": {"type": "enabled"}},
        "openai/gpt-5.2": {"reasoning_effort": "xhigh"},
        "gemini/gemini-2.5-flash": {"thinkingConfig": {"thinkingBudget": 24_576, "includeThoughts": True}},
        "dashscope/qwen-plus": {"enable_thinking": True, "thinking_budget": 31_999},
    }.items(),
)
def test_t3_a_budget_becomes_what_the_model_accepts(name: str, expected: dict[str, Any]) -> None:
    """A budget is sent as it is where the model takes one, else as adaptive thinking or as an effort."""
    assert reasoning(send(name, **BUDGET)[0]) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    {
        "anthropic/claude-sonnet-4-5": {"thinking": {"type": "enabled", "budget_tokens": 4_096}},
        "anthropic/claude-opus-4-8": ADAPTIVE,
        "deepseek/deepseek-v4-pro": {"thinking": {"type": "enabled"}},
        "gemini/gemini-3-pro-preview": {"thinkingConfig": {"includeThoughts": True}},
    }.items(),
)
def test_t4_adaptive_thinking_becomes_what_the_model_accepts(name: str, expected: dict[str, Any]) -> None:
    """Adaptive thinking becomes a budget for models with budgets only, and a switch where there is one."""
    assert reasoning(send(name, **ADAPTIVE)[0]) == expected


@pytest.mark.parametrize(
    "name",
    [
        "openai/gpt-4.1",
        "mistral/mistral-large-latest",
        "cohere/command-a-03-2025",
        "bedrock/amazon.nova-lite-v1:0",
    ],
)
@pytest.mark.parametrize("fields", [BUDGET, ADAPTIVE, {"reasoning_effort": "high"}])
def test_t4_a_model_that_does_not_reason_gets_no_field(name: str, fields: dict[str, Any]) -> None:
    """Models without reasoning reject its fields: they are dropped and reported."""
    body, changes = send(name, **fields)

    assert reasoning(body) == {}
    assert "dropped" in {kind for _, kind in changes}


@pytest.mark.parametrize("name", ["moonshot/kimi-k2.6", "deepseek/deepseek-v4-pro"])
def test_t5_calls_without_reasoning_get_a_placeholder(name: str) -> None:
    """A history from a client or provider without reasoning is accepted; the placeholder is reported."""
    body, changes = send(name, messages=CALLED, tools=TOOLS)

    assert body["messages"][1]["reasoning_content"] == NO_REASONING
    assert ("messages[1].reasoning_content", "injected") in changes


@pytest.mark.parametrize(
    ("name", "fields"),
    [("moonshot/kimi-k2.6", OFF), ("deepseek/deepseek-v4-pro", OFF), ("moonshot/moonshot-v1-8k", {})],
)
def test_t5_calls_stay_as_they_are_without_reasoning(name: str, fields: dict[str, Any]) -> None:
    """Without reasoning, calls need no placeholder."""
    assert "reasoning_content" not in send(name, messages=CALLED, tools=TOOLS, **fields)[0]["messages"][1]


def test_t5_reasoning_that_the_client_returns_stays() -> None:
    """Reasoning of an earlier answer is not replaced."""
    messages = [{**each, "reasoning_content": "Hm."} if "tool_calls" in each else each for each in CALLED]
    body, changes = send("deepseek/deepseek-v4-pro", messages=messages, tools=TOOLS)

    assert body["messages"][1]["reasoning_content"] == "Hm."
    assert changes == set()


DISPLAYS: dict[str, dict[str, tuple[dict[str, Any], str]]] = {  # target -> display -> fields, kind of change
    "gemini/gemini-3-pro-preview": {
        "summarized": ({"thinkingConfig": {"includeThoughts": True}}, "renamed"),
        "omitted": ({}, "renamed"),
    },
    "gemini/gemini-2.0-flash": {"summarized": ({}, "emulated"), "omitted": ({}, "dropped")},
    "bedrock/us.anthropic.claude-opus-4-8": {
        name: ({"additionalModelRequestFields": {"thinking": {**ADAPTIVE["thinking"], "display": name}}}, "")
        for name in ("summarized", "omitted")
    },
    "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0": {
        name: (
            {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 4_096}}},
            kind,
        )
        for name, kind in (("summarized", "emulated"), ("omitted", "dropped"))
    },
    "bedrock/amazon.nova-2-lite-v1:0": {
        name: (
            {
                "additionalModelRequestFields": {
                    "reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}
                }
            },
            kind,
        )
        for name, kind in (("summarized", "emulated"), ("omitted", "dropped"))
    },
    "openai/gpt-5.2": {
        "summarized": ({"reasoning_effort": "medium"}, "emulated"),
        "omitted": ({"reasoning_effort": "medium"}, "dropped"),
    },
    "openai/gpt-4.1": {"summarized": ({}, "emulated"), "omitted": ({}, "dropped")},
    "deepseek/deepseek-v4-pro": {
        "summarized": ({"thinking": {"type": "enabled"}}, "emulated"),
        "omitted": ({"thinking": {"type": "enabled"}}, "dropped"),
    },
}


@pytest.mark.parametrize("display", ["summarized", "omitted"])
@pytest.mark.parametrize("name", DISPLAYS)
def test_t9_a_display_is_sent_or_reported(name: str, display: str) -> None:
    """`thinking.display` is sent in the provider's own form; else the report has it."""
    expected, kind = DISPLAYS[name][display]
    body, changes = send(name, thinking={"type": "adaptive", "display": display}, max_tokens=8_000)

    assert reasoning(body) == expected
    assert {each for path, each in changes if path == "thinking.display"} == ({kind} if kind else set())


@pytest.mark.parametrize(
    ("name", "kind"),
    {
        "gemini/gemini-3-pro-preview": "renamed",
        "gemini/gemini-2.5-flash": "emulated",
        "anthropic/claude-sonnet-4-5": "emulated",
        "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0": "emulated",
        "gemini/gemini-2.0-flash": "dropped",
    }.items(),
)
@pytest.mark.parametrize("beside", [{}, ADAPTIVE], ids=["alone", "beside thinking"])
def test_t10_an_effort_in_another_form_is_reported(name: str, kind: str, beside: dict[str, Any]) -> None:
    """An effort that is sent as a budget or in another field, or not at all, is in the report."""
    _, changes = send(name, reasoning_effort="high", max_tokens=30_000, **beside)

    assert ("reasoning_effort", kind) in changes


@pytest.mark.parametrize(
    "name",
    [
        "anthropic/claude-sonnet-4-5",
        "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "bedrock/us.anthropic.claude-opus-4-6-v1",
    ],
)
@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        ("temperature", 1.0, True),
        ("temperature", 0.5, False),
        ("top_p", 0.95, True),
        ("top_p", 0.9, False),
        ("top_k", 5, False),
    ],
)
def test_a23_claude_gets_the_sampling_that_it_accepts_while_it_reasons(
    name: str, field: str, value: float, sent: bool
) -> None:
    """Claude reasons with temperature 1 and top_p from 0.95; other values are dropped and reported."""
    body, changes = send(name, **BUDGET, **{field: value})
    config = body.get("inferenceConfig", body)

    assert config.get({"top_p": "topP"}.get(field, field) if "bedrock" in name else field) == (
        value if sent else None
    )
    assert ((field, "dropped") in changes) is not sent


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "look"}}])
def test_t6_a_forced_tool_disables_reasoning(choice: Any) -> None:
    """DeepSeek rejects a forced tool while it reasons: it does not reason in this call."""
    body, changes = send("deepseek/deepseek-v4-pro", tools=TOOLS, tool_choice=choice)

    assert reasoning(body) == OFF
    assert body["tool_choice"] == choice
    assert ("thinking", "injected") in changes
