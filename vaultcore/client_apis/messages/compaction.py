"""Compaction blocks: a summary in place of the conversation before it.

https://docs.claude.com/en/docs/build-with-claude/compaction. A client sends the block back, and whoever
answers ignores everything before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vaultcore.client_apis.messages.parts import object_or_empty
from vaultcore.wire import Json

BLOCK = "compaction"
SUMMARY = "This conversation was summarized because it grew too long. The summary:\n\n{}"


def compacted_conversation(messages: Sequence[Json]) -> Iterator[tuple[int, Json]]:
    """Yield the messages from the last compaction block on, each with its index, the summary first."""
    position = last_compaction(messages)
    if position is None:
        yield from enumerate(messages)
        return
    i, j, block = position
    yield i, {"role": "user", "content": SUMMARY.format(block["content"])}
    ignored: Json = {"type": BLOCK}  # keeps the indexes of the other blocks
    yield i, {**messages[i], "content": [*[ignored] * (j + 1), *messages[i]["content"][j + 1 :]]}
    yield from ((k, messages[k]) for k in range(i + 1, len(messages)))


def last_compaction(messages: Sequence[Json]) -> tuple[int, int, Json] | None:
    """Return the indexes of the last compaction block with a summary, and the block; None without one."""
    for i in range(len(messages) - 1, -1, -1):
        content = messages[i].get("content")
        blocks = content if isinstance(content, list) else []
        for j in range(len(blocks) - 1, -1, -1):
            block = object_or_empty(blocks[j])
            if block.get("type") == BLOCK and isinstance(block.get("content"), str) and block["content"]:
                return i, j, block
    return None
