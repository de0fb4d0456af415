"""Simulated providers with reasoning."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.simulators import anthropic, openai
from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.reply import REASONING, generate_reply

HEADERS = {"anthropic-version": "2023-06-01", "content-type": "application/json"}
BODY: dict[str, Any] = {
    "model": "claude-simulated",
    "max_tokens": 2_000,
    "messages": [{"role": "user", "content": "why?"}],
    "thinking": {"type": "enabled", "budget_tokens": 1_024},
}


def thinking_blocks(body: dict[str, Any]) -> list[Any]:
    response = generate_reply(anthropic.parse_prompt("x", body))
    content = anthropic.render_completion(body, response)["content"]
    return [block for block in content if block["type"] == "thinking"]


def with_history(*blocks: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": [*blocks, {"type": "text", "text": "So."}]}
    return {**BODY, "messages": [*BODY["messages"], message, *BODY["messages"]]}


def test_signatures_are_verified() -> None:
    """A thinking block with its own signature is accepted, another is rejected."""
    (block,) = thinking_blocks(BODY)

    anthropic.validate_request(HEADERS, with_history(block))
    with pytest.raises(SimulatedError, match="signature"):
        anthropic.validate_request(HEADERS, with_history({**block, "thinking": "Something else."}))
    assert thinking_blocks({**BODY, "thinking": {"type": "disabled"}}) == []


def test_streamed_reasoning_equals_the_buffered_block() -> None:
    """The deltas of a streamed thinking block form the buffered block."""
    response = generate_reply(anthropic.parse_prompt("x", BODY))
    events = [json.loads(event.partition(b"data: ")[2]) for event in anthropic.render_events(BODY, response)]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    fields = {kind: "".join(delta.get(kind, "") for delta in deltas) for kind in ("thinking", "signature")}

    assert [{"type": "thinking", **fields}] == thinking_blocks(BODY)


@pytest.mark.parametrize(
    "change",
    [
        {"thinking": {"type": "enabled", "budget_tokens": 1_023}},
        {"thinking": {"type": "enabled", "budget_tokens": 2_000}},
        {"temperature": 0.5},
        {"tools": [{"name": "f", "input_schema": {"type": "object"}}], "tool_choice": {"type": "any"}},
    ],
)
def test_incompatible_fields_are_rejected(change: dict[str, Any]) -> None:
    """Invalid budgets, another temperature and forced tools are rejected."""
    with pytest.raises(SimulatedError):
        anthropic.validate_request(HEADERS, {**BODY, **change})


def test_openai_reasoning() -> None:
    """The OpenAI-style provider returns reasoning if an effort is requested."""
    body = {"model": "m", "messages": BODY["messages"], "reasoning_effort": "low"}
    response = generate_reply(openai.parse_prompt("x", body))

    assert openai.render_completion(body, response)["choices"][0]["message"]["reasoning_content"] == REASONING
    assert REASONING.encode() in b"".join(openai.render_events(body, response))
