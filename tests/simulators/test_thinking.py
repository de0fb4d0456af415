"""Simulated providers that think where they are asked to, and know their own thoughts again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vaultcore.simulators import anthropic, openai
from vaultcore.simulators.faults import Refused
from vaultcore.simulators.reply import THOUGHT, reply

HEADERS = {"anthropic-version": "2023-06-01", "content-type": "application/json"}
ASKED: dict[str, Any] = {
    "model": "claude-simulated",
    "max_tokens": 2_000,
    "messages": [{"role": "user", "content": "why?"}],
    "thinking": {"type": "enabled", "budget_tokens": 1_024},
}


def thoughts(body: dict[str, Any]) -> list[Any]:
    answer = reply(anthropic.prompt("x", body))
    content = anthropic.completion(body, answer)["content"]
    return [block for block in content if block["type"] == "thinking"]


def again(*blocks: Any) -> dict[str, Any]:
    turn = {"role": "assistant", "content": [*blocks, {"type": "text", "text": "So."}]}
    return {**ASKED, "messages": [*ASKED["messages"], turn, *ASKED["messages"]]}


def test_thoughts_come_back_as_they_were_signed() -> None:
    """A thought with its own signature is taken again; one with another is refused."""
    (thought,) = thoughts(ASKED)

    anthropic.check(HEADERS, again(thought))
    with pytest.raises(Refused, match="signature"):
        anthropic.check(HEADERS, again({**thought, "thinking": "Something else."}))
    assert thoughts({**ASKED, "thinking": {"type": "disabled"}}) == []


def test_a_stream_thinks_as_the_whole_answer_does() -> None:
    """The fragments of a streamed thought and its signature are the buffered block."""
    answer = reply(anthropic.prompt("x", ASKED))
    told = [json.loads(event.partition(b"data: ")[2]) for event in anthropic.events(ASKED, answer)]
    deltas = [event["delta"] for event in told if event["type"] == "content_block_delta"]
    held = {kind: "".join(delta.get(kind, "") for delta in deltas) for kind in ("thinking", "signature")}

    assert [{"type": "thinking", **held}] == thoughts(ASKED)


@pytest.mark.parametrize(
    "change",
    [
        {"thinking": {"type": "enabled", "budget_tokens": 1_023}},
        {"thinking": {"type": "enabled", "budget_tokens": 2_000}},
        {"temperature": 0.5},
        {"tools": [{"name": "f", "input_schema": {"type": "object"}}], "tool_choice": {"type": "any"}},
    ],
)
def test_what_does_not_go_with_thinking(change: dict[str, Any]) -> None:
    """Budgets that do not fit, another temperature and forced tools are refused, as the real one does."""
    with pytest.raises(Refused):
        anthropic.check(HEADERS, {**ASKED, **change})


def test_an_effort_is_thought_aloud() -> None:
    """Where an effort is asked for, the OpenAI-style provider tells its reasoning."""
    body = {"model": "m", "messages": ASKED["messages"], "reasoning_effort": "low"}
    answer = reply(openai.prompt("x", body))

    assert openai.completion(body, answer)["choices"][0]["message"]["reasoning_content"] == THOUGHT
    assert THOUGHT.encode() in b"".join(openai.events(body, answer))
