"""The streams of several attempts joined into the one that a client sees."""

from __future__ import annotations

from vaultcore.wire import ChatChunk, ChunkChoice, Delta, Usage


class Splice:
    """Gives what is let through one id, one model, one creation time, and a role on the first delta."""

    def __init__(self, id: str, model: str, created: int) -> None:
        self._envelope: ChatChunk = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._opened: set[int] = set()
        self._said: list[str] = []
        self._tier: str | None = None
        self.begun = False
        self.finished = False
        self.usage: Usage | None = None
        self.answered: str | None = None  # the model, as its provider calls it

    def note(self, chunk: ChatChunk) -> None:
        """A chunk that goes to the client in its provider's own words."""
        self.begun = True
        self.answered = self.answered or chunk.get("model")
        tier = chunk.get("service_tier")
        self._tier = tier if isinstance(tier, str) else self._tier
        if usage := chunk.get("usage"):
            self.usage = {**usage, "service_tier": self._tier} if self._tier else usage
        for choice in chunk.get("choices") or ():
            self.finished |= choice.get("finish_reason") is not None
            self._said += texts(choice["delta"])

    @property
    def said(self) -> str:
        """Every text that came, of all choices: reasoning and the arguments of calls too."""
        return "".join(self._said)

    def accept(self, chunk: ChatChunk) -> ChatChunk:
        """The chunk as the client should see it, whoever speaks."""
        self.note(chunk)
        choices = [self._choice(choice) for choice in chunk.get("choices") or ()]
        return {**chunk, **self._envelope, "choices": choices}

    def _choice(self, choice: ChunkChoice) -> ChunkChoice:
        index = choice["index"]
        if index in self._opened:
            return choice
        self._opened.add(index)
        return {**choice, "delta": {"role": "assistant", **choice["delta"]}}


def texts(said: Delta) -> list[str]:
    """What a delta, or the message of a choice, says in words: reasoning and the arguments of calls too."""
    found = [said.get("content"), said.get("reasoning_content"), said.get("refusal")]
    found += [call.get("function", {}).get("arguments") for call in said.get("tool_calls") or ()]
    return [text for text in found if text]
