"""Builds chat-completion chunks; the base of decoders whose streams carry one choice.

https://platform.openai.com/docs/api-reference/chat-streaming.
"""

from __future__ import annotations

from vaultcore.wire import ChatChunk, Delta, FinishReason, Usage


class ChunkWriter:
    """Writes the chunks of one stream: the role, then deltas, the finish reason and the usage.

    Decoders inherit it rather than hold it: that saves a lookup and a call per chunk.
    """

    def __init__(self) -> None:
        self._envelope: ChatChunk = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": ""}
        self._has_role = False  # the chunk with the role is out

    def _role_chunk(self) -> list[ChatChunk]:
        """Return the first chunk, which has the role; nothing on later calls."""
        if self._has_role:
            return []
        self._has_role = True
        return [self._choice({"role": "assistant", "content": ""})]

    def _chunk(self, delta: Delta) -> list[ChatChunk]:
        """Return a chunk with the delta, after the one with the role if that is still due."""
        chunk = self._choice(delta)
        return [chunk] if self._has_role else [*self._role_chunk(), chunk]

    def _choice(self, delta: Delta, finish_reason: FinishReason | None = None) -> ChatChunk:
        return {**self._envelope, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}

    def _last_chunk(self, usage: Usage) -> ChatChunk:
        """Return the chunk after the finish reason, which has the usage and no choice."""
        return {**self._envelope, "choices": [], "usage": usage}
