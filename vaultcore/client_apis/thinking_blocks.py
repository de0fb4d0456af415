"""Joins the thinking blocks of a chat stream, so that its clients get each block once and complete.

Blocks come in fragments. OpenAI's library for Node assigns each unknown field of a delta to the message, so a
client that returns such a message would return the last fragment. Its library for Python joins fragments.
The list of all blocks in the chunk with the finish reason suits both. `reasoning_content` is streamed.
"""

from __future__ import annotations

from typing import cast

from vaultcore.wire import ChatChunk, ChunkChoice, Json

BLOCKS = "thinking_blocks"
TEXTS = ("thinking", "signature", "data")  # fields whose fragments are joined


class BlockJoiner:
    """Moves the thinking blocks of each choice into its last chunk."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks: dict[int, list[Json]] = {}  # by index of the choice

    def join(self, chunk: ChatChunk) -> ChatChunk | None:
        """Return the chunk as the client gets it, None if nothing of it remains."""
        choices = chunk.get("choices") or ()
        if not self._blocks and not any(BLOCKS in choice["delta"] for choice in choices):
            return chunk
        joined = [self._join_choice(choice) for choice in choices]
        is_empty = all(not choice["delta"] and choice["finish_reason"] is None for choice in joined)
        if joined and is_empty and not chunk.get("usage"):
            return None
        return {**chunk, "choices": joined}

    def _join_choice(self, choice: ChunkChoice) -> ChunkChoice:
        delta = cast(Json, {**choice["delta"]})
        for fragment in delta.pop(BLOCKS, ()):
            _add(self._blocks.setdefault(choice["index"], []), fragment)
        if choice["finish_reason"] is not None and choice["index"] in self._blocks:
            delta[BLOCKS] = self._blocks.pop(choice["index"])
        return cast(ChunkChoice, {**choice, "delta": delta})


def _add(blocks: list[Json], fragment: Json) -> None:
    """Join a fragment to its block, which has the same index; add a new block if there is none."""
    index = fragment.get("index")
    place = next(
        (at for at, block in enumerate(blocks) if index is not None and block.get("index") == index), None
    )
    if place is None:
        blocks.append(fragment)
        return
    block = blocks[place]
    texts = {
        name: block.get(name, "") + fragment[name] for name in TEXTS if isinstance(fragment.get(name), str)
    }
    blocks[place] = {**block, **fragment, **texts}
