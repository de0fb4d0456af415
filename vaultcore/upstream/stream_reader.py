"""The bytes of a streamed answer to its chunks, and what is known of the answer so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from vaultcore.catalog.schema import Framing
from vaultcore.dialects import RawEvent, StreamFault, StreamItem
from vaultcore.streams import Stage, eventstream, sse
from vaultcore.wire import ChatChunk

FRAMINGS: Mapping[Framing, Callable[[], Stage[bytes, sse.Event]]] = {
    "sse": sse.Decoder,
    "eventstream": eventstream.Decoder,
}
END = "[DONE]"  # what most providers end a stream with; nothing after it counts


class Reading:
    """A machine that is fed bytes. It raises nothing: `fault` says what went wrong, `ended` that it is over.

    Chunks that say nothing yet are held back until one does, so that a provider which breaks off before that
    has not begun to answer. With `passing` each event is told with its chunks, else the chunks alone.
    """

    def __init__(
        self, decoder: Stage[sse.Event, ChatChunk], framing: Framing = "sse", *, passing: bool = False
    ) -> None:
        self.begun = False  # something of the answer is out
        self.ended = False
        self.cut = False  # it ended, but neither by a reason to finish nor by its mark
        self.fault: StreamFault | ValueError | RecursionError | None = None
        self._events = FRAMINGS[framing]()
        self._decoder = decoder
        self._passing = passing
        self._held: list[StreamItem] = []
        self._open: set[int] = set()  # choices that have begun and not finished
        self._finishes = False

    @property
    def finished(self) -> bool:
        """Every choice has said why it finished: only usage can follow."""
        return self._finishes and not self._open

    def feed(self, piece: bytes) -> list[StreamItem]:
        said: list[StreamItem] = []
        try:
            for event in self._events.feed(piece):
                self._accept(event, self._decoder.feed(event), said)
                if event.data == END:
                    self.ended = True
                    break
        except (StreamFault, ValueError, RecursionError) as error:
            self.fault = error
        return self._release(said)

    def close(self) -> list[StreamItem]:
        said: list[StreamItem] = []
        try:
            if not self.ended:
                for event in self._events.close():
                    self._accept(event, self._decoder.feed(event), said)
            self._accept(None, self._decoder.close(), said)
        except (StreamFault, ValueError, RecursionError) as error:
            self.fault = error
        self.cut = not (self.ended or self.finished)
        self.ended = True
        return self._release(said)

    def _accept(self, event: sse.Event | None, chunks: Iterable[ChatChunk], said: list[StreamItem]) -> None:
        told = tuple(chunks)
        if not self._passing:
            said += told
        elif event is not None:
            said.append(RawEvent(event, told))
        for chunk in told:
            for choice in chunk.get("choices") or ():
                if choice.get("finish_reason"):
                    self._finishes = True
                    self._open.discard(choice["index"])
                else:
                    self._open.add(choice["index"])

    def _release(self, said: list[StreamItem]) -> list[StreamItem]:
        if self.begun:
            return said
        self._held += said
        if self.fault is not None or not any(map(_says, said)):
            return []
        self.begun = True
        said, self._held = self._held, []
        return said


def _says(piece: StreamItem) -> bool:
    """Whether there is anything in it for a reader: a role or an empty text is not."""
    if isinstance(piece, RawEvent):
        return any(map(_speaks, piece.chunks))
    return _speaks(piece)


def _speaks(chunk: ChatChunk) -> bool:
    return any(
        choice.get("finish_reason") or any(value for name, value in choice["delta"].items() if name != "role")
        for choice in chunk.get("choices") or ()
    )
