"""Joins the chunks of a stream's attempts to the one stream that the client receives."""

from __future__ import annotations

from vaultcore.wire import ChatChunk, ChunkChoice, Delta, Usage


class StreamJoiner:
    """Rewrites every chunk with the same id, model and creation time; adds `role` to the first delta.

    It also collects what the gateway needs at the end: usage, text, the provider's model name.
    """

    def __init__(self, id: str, model: str, created: int) -> None:
        self._envelope: ChatChunk = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._choices_with_role: set[int] = set()
        self._texts: list[str] = []
        self._tier: str | None = None
        self.has_started = False
        self.is_finished = False
        self.usage: Usage | None = None
        self.response_model: str | None = None  # the model's name as the provider reports it

    def observe(self, chunk: ChatChunk) -> None:
        """Collect from a chunk that reaches the client as the provider sent it."""
        self.has_started = True
        self.response_model = self.response_model or chunk.get("model")
        tier = chunk.get("service_tier")
        self._tier = tier if isinstance(tier, str) else self._tier
        if usage := chunk.get("usage"):
            self.usage = {**usage, "service_tier": self._tier} if self._tier else usage
        for choice in chunk.get("choices") or ():
            self.is_finished |= choice.get("finish_reason") is not None
            self._texts += delta_texts(choice["delta"])

    @property
    def text(self) -> str:
        """Return all text of all choices, reasoning and tool-call arguments included."""
        return "".join(self._texts)

    def join(self, chunk: ChatChunk) -> ChatChunk:
        """Return the chunk as the client receives it."""
        self.observe(chunk)
        choices = [self._choice(choice) for choice in chunk.get("choices") or ()]
        return {**chunk, **self._envelope, "choices": choices}

    def _choice(self, choice: ChunkChoice) -> ChunkChoice:
        index = choice["index"]
        if index in self._choices_with_role:
            return choice
        self._choices_with_role.add(index)
        return {**choice, "delta": {"role": "assistant", **choice["delta"]}}


def delta_texts(delta: Delta) -> list[str]:
    """Return the texts of a delta or message: content, reasoning, refusal and tool-call arguments."""
    texts = [delta.get("content"), delta.get("reasoning_content"), delta.get("refusal")]
    texts += [call.get("function", {}).get("arguments") for call in delta.get("tool_calls") or ()]
    return [text for text in texts if text]
