"""Results of tool calls whose `tool_use_id` names no call.

Anthropic once accepted such a conversation, and clients have stored some. Other providers reject it.
"""

from __future__ import annotations

from collections.abc import Sequence

from vaultcore.casts import cast
from vaultcore.dialects import Change
from vaultcore.wire import Message

REASON = "names no call: taken for the result of the one call before it that has none"


def pair_single_results(
    parsed: Sequence[tuple[str, Message]], changes: list[Change]
) -> list[tuple[str, Message]]:
    """Return the messages, each with its path, with the id of its call in a result that names none.

    A result is paired if it is the only one of its turn without a call, and one call has no result.
    """
    out = list(parsed)
    for i, (_, message) in enumerate(parsed):
        calls = [str(call.get("id") or "") for call in message.get("tool_calls") or ()]
        if not calls:
            continue
        results = _results_after(parsed, i)
        ids = {j: str(parsed[j][1].get("tool_call_id") or "") for j in results}
        unnamed = [j for j in results if ids[j] not in calls]
        unanswered = [call for call in calls if call not in ids.values()]
        if len(unnamed) == len(unanswered) == 1:
            path, result = parsed[unnamed[0]]
            change = Change(f"{path}.tool_use_id", "emulated", REASON, ids[unnamed[0]], unanswered[0])
            changes.append(change)
            out[unnamed[0]] = path, cast(Message, {**result, "tool_call_id": unanswered[0]})
    return out


def _results_after(parsed: Sequence[tuple[str, Message]], i: int) -> list[int]:
    """Return the indexes of the results directly after a message."""
    end = i + 1
    while end < len(parsed) and parsed[end][1].get("role") == "tool":
        end += 1
    return list(range(i + 1, end))
