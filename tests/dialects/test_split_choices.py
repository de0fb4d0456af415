"""Responses whose text and calls are in two choices, although the client requested one."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.dialects.split_choices import ChoiceJoiner, join_choices

CALL = {"id": "c1", "type": "function", "function": {"name": "write", "arguments": "{}"}}


def choice(index: int, finish: str | None, **message: Any) -> dict[str, Any]:
    return {"index": index, "message": {"role": "assistant", **message}, "finish_reason": finish}


def chunk(index: int, delta: dict[str, Any], finish: str | None = None) -> Any:
    return {"id": "x", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def test_q33_text_and_call_become_one_message() -> None:
    """The message has the text of one choice and the call of the other, and ends with tool_calls."""
    completion: Any = {
        "choices": [
            choice(0, "stop", content="I write.", refusal=None),
            choice(1, "tool_calls", content=None, refusal=None, tool_calls=[CALL]),
        ]
    }
    (joined,) = join_choices(completion)["choices"]

    assert joined["message"] == {
        "role": "assistant",
        "content": "I write.",
        "refusal": None,
        "tool_calls": [CALL],
    }
    assert joined["finish_reason"] == "tool_calls"


def test_q33_one_choice_is_returned_as_it_is() -> None:
    """A completion or a chunk with one choice is not copied."""
    completion: Any = {"choices": [choice(0, "stop", content="Hi")]}
    piece = chunk(0, {"content": "Hi"})

    assert join_choices(completion) is completion
    assert ChoiceJoiner().join(piece) is piece


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one chunk"])
def test_q33_streamed_choices_become_one(together: bool) -> None:
    """Streamed deltas of all choices get index 0, and calls of different choices different indexes."""
    pieces = [
        chunk(0, {"content": "I write."}),
        chunk(0, {"tool_calls": [{"index": 0, **CALL}]}),
        chunk(1, {"tool_calls": [{"index": 0, **CALL, "id": "c2"}]}, "tool_calls"),
        chunk(1, {"tool_calls": [{"index": 0, "function": {"arguments": " "}}]}),
    ]
    if together:
        pieces = [{"id": "x", "choices": [each["choices"][0] for each in pieces]}]
    joiner = ChoiceJoiner()
    choices = [each for piece in pieces for each in joiner.join(piece)["choices"]]

    assert {each["index"] for each in choices} == {0}
    calls = [call for each in choices for call in each["delta"].get("tool_calls") or ()]
    assert [call["index"] for call in calls] == [0, 1, 1]
    assert "".join(each["delta"].get("content") or "" for each in choices) == "I write."
    assert "tool_calls" in {each["finish_reason"] for each in choices}
