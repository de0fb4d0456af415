"""Requests of current clients, and whether each simulated provider accepts them as the real one does."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from vaultcore.simulators import anthropic, cohere, gemini, mistral, openai, responses
from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.reply import generate_reply

HEADERS = {
    "content-type": "application/json",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "context-management-2025-06-27",
}
LONG = "mcp__a_server_with_a_long_name__a_tool_with_a_name_that_has_too_many_characters"
HI = [{"role": "user", "content": "hi"}]
SCHEMA = {"type": "object", "properties": {}}
CLAUDE = {"model": "claude-sonnet-4-5", "max_tokens": 2_048, "messages": HI}
NEWEST = {**CLAUDE, "model": "claude-opus-5"}
CHAT = {"model": "gpt-5.1", "messages": HI}
RESPONSES = {"model": "gpt-5.5", "input": HI}
CONTENTS = [{"role": "user", "parts": [{"text": "hi"}]}]
NOTE = {"role": "system", "content": "A note."}
EDITS = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
SHOUT = {"type": "function", "name": "shout", "parameters": SCHEMA}
NAMESPACE = {"type": "namespace", "name": "mcp__echo", "description": "Echo.", "tools": [SHOUT]}
PICTURE = {"fileData": {"fileUri": "https://example.com/a.png"}}


def function(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": SCHEMA, **fields}}


ACCEPTED: list[tuple[Any, dict[str, Any]]] = [
    (anthropic, {**CLAUDE, "messages": [*HI, NOTE]}),
    (anthropic, {**CLAUDE, "thread": {"type": "create"}}),
    (anthropic, {**CLAUDE, "context_management": EDITS, "output_config": {"effort": "high"}}),
    (anthropic, {**CLAUDE, "tools": [SEARCH, {"type": "tool_search_tool_bm25_20251119", "name": "search"}]}),
    (anthropic, {**CLAUDE, "tools": []}),
    (anthropic, {**CLAUDE, "diagnostics": {}, "speed": "standard"}),
    (anthropic, {**CLAUDE, "tools": [{"name": "a" * 128, "input_schema": SCHEMA}]}),
    (anthropic, {**NEWEST, "thinking": {"type": "adaptive"}}),
    (openai, {**CHAT, "tools": [{"type": "custom", "custom": {"name": "grep"}}]}),
    (openai, {**CHAT, "tools": [function("now")], "reasoning_effort": "low"}),
    (responses, {**RESPONSES, "client_metadata": {"x": "y"}, "context_management": [{"type": "compaction"}]}),
    (responses, {**RESPONSES, "tools": [NAMESPACE, {"type": "tool_search"}, {"type": "local_shell"}]}),
    (responses, {**RESPONSES, "reasoning": {"mode": "pro", "context": "auto"}}),
    (
        responses,
        {**RESPONSES, "input": [*HI, {"type": "additional_tools", "role": "developer", "tools": []}]},
    ),
    (responses, {**RESPONSES, "input": [*HI, {"type": "compaction_trigger"}]}),
    (gemini, {"contents": [{"role": "user", "parts": [PICTURE]}]}),
    (gemini, {"contents": CONTENTS, "generationConfig": {"thinkingConfig": {"thinkingLevel": "XHIGH"}}}),
]
REJECTED: list[tuple[Any, dict[str, Any], str]] = [
    (anthropic, {**CLAUDE, "messages": [NOTE, *HI]}, "must alternate"),
    (anthropic, {**CLAUDE, "tools": [{"name": "a" * 129, "input_schema": SCHEMA}]}, "tool name"),
    (anthropic, {**NEWEST, "thinking": {"type": "enabled", "budget_tokens": 1_024}}, "adaptive"),
    (anthropic, {**NEWEST, "top_p": 0.5}, "deprecated"),
    (anthropic, {**NEWEST, "messages": [*HI, {"role": "assistant", "content": "A"}]}, "prefill"),
    (anthropic, {**CLAUDE, "cache": "auto"}, "Extra inputs"),
    (openai, {**CHAT, "tools": []}, "too short"),
    (openai, {**CHAT, "parallel_tool_calls": False}, "only allowed when 'tools'"),
    (openai, {**CHAT, "tools": [function(LONG)]}, "maximum length 64"),
    (openai, {**CHAT, "tools": [function("a.b")]}, "does not match pattern"),
    (openai, {**CHAT, "tools": [function("now", parameters={"type": "string"})]}, "object"),
    (openai, {**CHAT, "model": "gpt-4o-mini", "max_tokens": 32_000}, "at most 16384"),
    (
        openai,
        {**CHAT, "model": "gpt-5.4", "tools": [function("now")], "reasoning_effort": "low"},
        "use /v1/responses",
    ),
    (responses, {**RESPONSES, "tools": [{**SHOUT, "name": LONG}]}, "maximum length 64"),
    (responses, {**RESPONSES, "tools": [{"type": "unheard_of"}]}, "Invalid value"),
    (responses, {**RESPONSES, "input": [{"type": "unheard_of"}]}, "Invalid value"),
    (responses, {**RESPONSES, "thread": {}}, "Unknown parameter"),
    (mistral, {"model": "m", "messages": HI, "tools": [function(LONG)]}, "maximum length of 64"),
    (cohere, {"model": "m", "messages": HI, "tools": [function("a-b")]}, "a-z, A-Z, 0-9"),
    (cohere, {"model": "m", "messages": HI, "tools": []}, "empty"),
    (gemini, {"contents": CONTENTS, "tools": [{"functionDeclarations": [{"name": LONG}]}]}, "function name"),
]


@pytest.mark.parametrize(("simulator", "body"), ACCEPTED)
def test_current_requests_are_accepted(simulator: Any, body: dict[str, Any]) -> None:
    """A simulator accepts what current clients send and the real provider accepts."""
    simulator.validate_request(HEADERS, copy.deepcopy(body))


@pytest.mark.parametrize(("simulator", "body", "reason"), REJECTED)
def test_what_providers_reject_is_rejected(simulator: Any, body: dict[str, Any], reason: str) -> None:
    """A simulator rejects what the real provider rejects, in its words."""
    with pytest.raises(SimulatedError, match=reason):
        simulator.validate_request(HEADERS, copy.deepcopy(body))


def test_a_namespaced_tool_is_called_with_its_namespace() -> None:
    """The call of a tool in a namespace names the tool and the namespace."""
    body = {**RESPONSES, "input": [{"role": "user", "content": "use shout"}], "tools": [NAMESPACE]}

    reply = generate_reply(responses.parse_prompt("x", body))
    (item,) = responses.render_completion(body, reply)["output"]

    assert (item["type"], item["name"], item["namespace"]) == ("function_call", "shout", "mcp__echo")


def test_a_compacted_conversation_is_one_item() -> None:
    """A trigger at the end, or the endpoint, gives one compaction item, which a later request may contain."""
    body = {**RESPONSES, "input": [*HI, {"type": "compaction_trigger"}]}
    reply = generate_reply(responses.parse_prompt("x", body))
    triggered = responses.render_completion(body, reply)["output"]
    compacted = responses.ENDPOINTS["/responses/compact"](HEADERS, dict(RESPONSES))["output"]

    for output in (triggered, compacted):
        assert [item["type"] for item in output] == ["compaction"]
        responses.validate_request(HEADERS, {**RESPONSES, "input": [*output, *HI]})


def test_tokens_are_counted() -> None:
    """Anthropic's, Gemini's and OpenAI's endpoints count the tokens of a prompt in their own form."""
    claude = {name: value for name, value in CLAUDE.items() if name != "max_tokens"}

    assert anthropic.ENDPOINTS["/messages/count_tokens"](HEADERS, claude) == {"input_tokens": 2}
    assert gemini.ENDPOINTS["/models/{model}:countTokens"](HEADERS, {"contents": CONTENTS}) == {
        "totalTokens": 1
    }
    assert responses.ENDPOINTS["/responses/input_tokens"](HEADERS, RESPONSES)["input_tokens"] > 0
