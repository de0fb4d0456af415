"""A compacted conversation: the model's summary of it, sealed for the client's key.

A request that asks for a compaction ends with COMPACTION_PROMPT; the text of its response becomes a block
`{"type": "compaction", "data": "ve2.…"}`. In a later request, a content part of the same form becomes the
summary again.
"""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.casts import cast
from vaultcore.opaque_state.carriers import BLOCKS
from vaultcore.opaque_state.envelope import StateSeal
from vaultcore.wire import ChatChunk, ChunkChoice, Json

COMPACTION = "compaction"  # type of the block, and of the content part
COMPACTION_PROMPT = (
    "Summarize this conversation for a model that continues it without seeing it. State the user's goals and "
    "instructions, decisions and their reasons, facts and file contents that matter, commands and their "
    "results, the current state of the work, and the next steps. Write the summary only."
)
SUMMARY_HEAD = "The conversation so far was compacted. Its summary:\n\n"


def compact_message(message: Json, seal: StateSeal) -> Json:
    """Return a message with its text as a compaction block; unchanged if it has no text."""
    text = message.get("content")
    if not isinstance(text, str) or not text.strip():
        return message
    return {"role": "assistant", "content": None, BLOCKS: [_block(text, seal)]}


def open_compaction(part: object, seal: StateSeal) -> Json | None:
    """Return the summary in a content part as a text part, or None if this key has not got it."""
    summary = seal.open_summary(part.get("data")) if isinstance(part, dict) else None
    return None if summary is None else {"type": "text", "text": f"{SUMMARY_HEAD}{summary}"}


def is_compaction(part: object) -> bool:
    return isinstance(part, dict) and part.get("type") == COMPACTION


class CompactionStage:
    """Turns the text of a stream into one compaction block before its finish reason."""

    def __init__(self, seal: StateSeal) -> None:
        self._seal = seal
        self._texts: list[str] = []

    def feed(self, item: ChatChunk) -> Iterable[ChatChunk]:
        return ({**item, "choices": [self._compact(choice) for choice in item.get("choices") or ()]},)

    def close(self) -> Iterable[ChatChunk]:
        return ()

    def _compact(self, choice: ChunkChoice) -> ChunkChoice:
        delta = cast(Json, choice["delta"])
        self._texts.append(delta.get("content") or "")
        text = "".join(self._texts)
        compacted: Json = {}
        if choice["finish_reason"] is not None and text.strip():
            compacted = {BLOCKS: [{"index": 0, **_block(text, self._seal)}]}
        return cast(ChunkChoice, {**choice, "delta": compacted})


def _block(text: str, seal: StateSeal) -> Json:
    return {"type": COMPACTION, "data": seal.seal_summary(text)}
