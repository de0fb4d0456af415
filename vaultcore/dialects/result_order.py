"""Puts tool results behind the message with their calls, where every provider expects them.

Some agents write a turn as several assistant messages with calls and put all results after the last one.
"""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.casts import cast
from vaultcore.dialects import Change
from vaultcore.wire import Message

REASON = "tool results are sent behind the message with their calls"


def order_results(messages: Sequence[Message], changes: list[Change]) -> Sequence[Message]:
    """Return the messages with each result behind its call; the same object if all are in order."""
    if not _any_split(messages):
        return messages
    ordered: list[Message] = []
    moved: set[int] = set()
    for i, message in enumerate(messages):
        if i in moved:
            continue
        ordered.append(message)
        if i + 1 < len(messages) and _is_split(messages, i):
            call_ids = {call.get("id") for call in message.get("tool_calls") or ()}
            results = [j for j in _results_of_turn(messages, i + 1) if j not in moved]
            own = [j for j in results if messages[j].get("tool_call_id") in call_ids]
            moved.update(own)
            ordered += [messages[j] for j in own]
    if moved:
        changes.append(Change("messages", "emulated", REASON))
    return ordered


def _any_split(messages: Sequence[Message]) -> bool:
    has_calls = False
    for message in messages:
        if has_calls and message.get("role") == "assistant":
            return True
        has_calls = bool(message.get("tool_calls"))
    return False


def _is_split(messages: Sequence[Message], i: int) -> bool:
    """Return True if an assistant message with calls is directly followed by another assistant message."""
    following = messages[i + 1].get("role")
    return bool(messages[i].get("tool_calls")) and following == "assistant"


def _results_of_turn(messages: Sequence[Message], start: int) -> list[int]:
    """Return the indexes of the tool results before the user's next message."""
    results = []
    for j in range(start, len(messages)):
        role = cast(str, messages[j].get("role"))
        if role == "tool":
            results.append(j)
        elif role != "assistant":
            break
    return results
