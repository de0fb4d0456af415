"""Context edits that the gateway makes for providers without them."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import pytest

from vaultcore.client_apis.messages.context_edits import CLEARED, apply_edits
from vaultcore.usage.token_estimate import estimate_request

RAIN = "It rains in Ulm. " * 60  # about 230 tokens


def conversation(uses: int, **fields: Any) -> dict[str, Any]:
    """Return a chat request with so many tool uses, one in each turn."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Go."}]
    for i in range(uses):
        name = "look" if i % 2 == 0 else "note"
        function = {"name": name, "arguments": '{"city": "Ulm"}'}
        call = {"id": f"c{i}", "type": "function", "function": function}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call], **fields})
        messages.append({"role": "tool", "tool_call_id": f"c{i}", "content": RAIN})
    return {"model": "m", "messages": messages}


def edit(
    request: Any, kind: str = "clear_tool_uses_20250919", **options: Any
) -> tuple[Any, list[Any], list[Any]]:
    changes: list[Any] = []
    edited, applied = apply_edits(request, {"edits": [{"type": kind, **options}]}, changes)
    return edited, applied, changes


def tokens(value: int) -> dict[str, Any]:
    return {"type": "input_tokens", "value": value}


def uses(value: int) -> dict[str, Any]:
    return {"type": "tool_uses", "value": value}


def cleared(request: Any) -> list[int]:
    results = [message for message in request["messages"] if message["role"] == "tool"]
    return [i for i, message in enumerate(results) if message["content"] == CLEARED]


def test_r26_nothing_is_cleared_below_the_trigger() -> None:
    """By default, results stay until the prompt has more than 100,000 tokens."""
    request = conversation(9)

    edited, applied, changes = edit(request)

    assert (edited, applied) == (request, [])
    assert [(change.path, change.kind) for change in changes] == [("context_management.edits[0]", "emulated")]


@pytest.mark.parametrize(
    ("options", "expected"),
    {
        "the last three stay by default": ({"trigger": uses(8)}, [0, 1, 2, 3, 4, 5]),
        "keep": ({"trigger": uses(8), "keep": uses(5)}, [0, 1, 2, 3]),
        "keep none": ({"trigger": uses(8), "keep": uses(0)}, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        "tokens": ({"trigger": tokens(2_000)}, [0, 1, 2, 3]),
        "excluded tools": ({"trigger": uses(8), "exclude_tools": ["look"]}, [1, 3, 5]),
        "enough to clear": ({"trigger": uses(8), "clear_at_least": tokens(1_000)}, [0, 1, 2, 3, 4, 5]),
        "too little to clear": ({"trigger": uses(8), "clear_at_least": tokens(5_000)}, []),
        "fewer than are kept": ({"trigger": uses(1), "keep": uses(9)}, []),
    }.values(),
)
def test_r26_options_say_which_results_are_cleared(options: dict[str, Any], expected: list[int]) -> None:
    """Trigger, keep, clear_at_least and exclude_tools work as Anthropic documents them."""
    edited, applied, changes = edit(conversation(9), **options)

    assert cleared(edited) == expected
    assert [each["cleared_tool_uses"] for each in applied] == ([len(expected)] if expected else [])
    assert [change.kind for change in changes] == ["emulated"]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [(False, set()), (True, {"look", "note"}), (["note"], {"note"})],
)
def test_r26_inputs_are_cleared_if_the_client_wants_it(inputs: Any, expected: set[str]) -> None:
    """`clear_tool_inputs` clears the arguments of all tools, or of the listed ones."""
    edited, _, _ = edit(conversation(4), trigger=uses(3), keep=uses(0), clear_tool_inputs=inputs)

    calls = [call["function"] for each in edited["messages"] for call in each.get("tool_calls", ())]
    assert {call["name"] for call in calls if call["arguments"] == "{}"} == expected


def test_r26_the_reported_tokens_are_those_saved() -> None:
    """`cleared_input_tokens` is the difference of the estimates."""
    request = conversation(9)
    edited, (applied,), _ = edit(request, trigger=uses(8))

    assert applied["cleared_input_tokens"] == estimate_request(request) - estimate_request(edited)


def test_r26_a_growing_conversation_keeps_its_prefix() -> None:
    """The next request of a conversation starts with what the one before contained, except at a clearing."""
    options = {"trigger": tokens(4_000), "keep": uses(2)}
    sent = [edit(conversation(n), **options)[0]["messages"] for n in range(1, 30)]

    changed = [new[: len(old)] != old for old, new in pairwise(sent)]
    assert 1 < sum(changed) < len(changed) / 4
    assert all(estimate_request({"messages": each}) <= 4_000 for each in sent)


def test_r26_edits_are_pure() -> None:
    """Edits leave their input as it is, and give the same result again."""
    request = conversation(9)
    before = copy.deepcopy(request)

    assert edit(request, trigger=uses(3)) == edit(request, trigger=uses(3))
    assert request == before


@pytest.mark.parametrize(
    ("keep", "expected"),
    [("all", 3), ({"type": "all"}, 3), (None, 1), ({"type": "thinking_turns", "value": 2}, 2)],
)
def test_r26_thinking_of_old_turns_is_cleared(keep: Any, expected: int) -> None:
    """The thinking of the newest turns stays, whatever the number of messages of a turn; opaque state too."""
    turn = conversation(2, reasoning_content="Hm. " * 50, extra_content={"a": 1})["messages"]
    request = {"model": "m", "messages": turn * 3}
    edited, applied, _ = edit(request, "clear_thinking_20251015", **({} if keep is None else {"keep": keep}))

    thinking = [message for message in edited["messages"] if message.get("reasoning_content")]
    assert len(thinking) == 2 * expected
    assert all(message["extra_content"] for message in edited["messages"] if message["role"] == "assistant")
    assert [each["cleared_thinking_turns"] for each in applied] == ([] if expected == 3 else [3 - expected])


def test_r26_an_unknown_edit_is_reported() -> None:
    """An edit that the gateway does not know is lost, and said to be."""
    _, applied, (change,) = edit(conversation(1), "from_next_month_20300101")

    assert applied == []
    assert (change.path, change.kind) == ("context_management.edits[0]", "dropped")
