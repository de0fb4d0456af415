"""The streams of several attempts joined into the one that a client sees."""

from __future__ import annotations

from collections.abc import Iterator

from vaultcore.wire import ChatChunk, Usage


class Splice:
    """Holds a stream back until it says something, so that an attempt which fails before can be forgotten.

    What it lets through has one id, one model and one creation time, and a role on the first delta.
    """

    def __init__(self, id: str, model: str, created: int) -> None:
        self._envelope: ChatChunk = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }
        self._held: list[ChatChunk] = []
        self.begun = False
        self.finished = False
        self.usage: Usage | None = None

    def restart(self) -> None:
        """Another attempt begins; what was held of the last one is dropped."""
        self._held.clear()
        self.finished, self.usage = False, None

    def accept(self, chunk: ChatChunk) -> Iterator[ChatChunk]:
        """The chunks the client should see now."""
        if usage := chunk.get("usage"):
            self.usage = usage
        for choice in chunk.get("choices") or ():
            self.finished |= choice.get("finish_reason") is not None
        if self.begun:
            yield self._seal(chunk)
            return
        self._held.append(chunk)
        if self.finished or speaks(chunk):
            self.begun = True
            yield from self._release()

    def _release(self) -> Iterator[ChatChunk]:
        opened: set[int] = set()
        for chunk in self._held:
            for choice in chunk.get("choices") or ():
                if choice["index"] not in opened:
                    opened.add(choice["index"])
                    choice["delta"] = {"role": "assistant", **choice["delta"]}
            yield self._seal(chunk)
        self._held.clear()

    def _seal(self, chunk: ChatChunk) -> ChatChunk:
        return {**chunk, **self._envelope}


def speaks(chunk: ChatChunk) -> bool:
    """Whether a chunk carries any part of the answer, and not just its frame."""
    return any(
        value
        for choice in chunk.get("choices") or ()
        for name, value in choice["delta"].items()
        if name != "role"
    )
