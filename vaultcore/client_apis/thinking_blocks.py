"""Joins the thinking blocks of a chat stream, for libraries that cannot join their fragments.

Each delta has the fragment of a thinking block beside the same text in `reasoning_content`. OpenAI's library
for Python joins fragments by their index. Its library for Node assigns each unknown field of a delta to the
message, so a client that returns such a message would return the last fragment. It gets the list of all
blocks in the chunk with the finish reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vaultcore.casts import cast
from vaultcore.opaque_state.carriers import BLOCKS, join_fragments
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChunkChoice, Json

LIBRARY = "x-stainless-lang"  # the header in which OpenAI's libraries name their language
ASSIGNING = frozenset({"js"})  # its values of libraries that assign fields of a delta


def assigns_fields(headers: Mapping[str, str]) -> bool:
    """Return True if the client's library assigns unknown fields of a delta in place of joining them."""
    return headers.get(LIBRARY) in ASSIGNING


class ThinkingBlockJoiner:
    """Moves the thinking blocks of each choice into its last chunk, before another encoder."""

    __slots__ = ("_blocks", "_encoder")

    def __init__(self, encoder: Stage[ChatChunk, Event]) -> None:
        self._encoder = encoder
        self._blocks: dict[int, list[object]] = {}  # by index of the choice

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        choices = item.get("choices") or ()
        if not self._blocks and not any(BLOCKS in choice["delta"] for choice in choices):
            return self._encoder.feed(item)
        joined = [self._join(choice) for choice in choices]
        is_empty = all(not choice["delta"] and choice["finish_reason"] is None for choice in joined)
        if joined and is_empty and not item.get("usage"):
            return ()
        return self._encoder.feed({**item, "choices": joined})

    def close(self) -> Iterable[Event]:
        return self._encoder.close()

    def _join(self, choice: ChunkChoice) -> ChunkChoice:
        delta, index = cast(Json, {**choice["delta"]}), choice["index"]
        if fragments := delta.pop(BLOCKS, None):
            self._blocks[index] = join_fragments([*self._blocks.get(index, ()), *fragments])
        if choice["finish_reason"] is not None and index in self._blocks:
            delta[BLOCKS] = self._blocks.pop(index)
        return cast(ChunkChoice, {**choice, "delta": delta})
