"""Turns the bytes of a streamed response into stream items, and knows how far the response is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from vaultcore.catalog.schema import Framing
from vaultcore.dialects import NativeDecoder, RawEvent, StreamFault, StreamItem
from vaultcore.streams import Stage, eventstream, sse
from vaultcore.wire import ChatChunk

FRAMINGS: Mapping[Framing, Callable[[], Stage[bytes, sse.Event]]] = {
    "sse": sse.Decoder,
    "eventstream": eventstream.Decoder,
}
DONE = "[DONE]"  # most providers end a stream with this event; what follows it is ignored


class StreamReader:
    """Parses bytes into stream items. It never raises: see `fault` and `is_ended`.

    Chunks without content are held back until one has content, so that a provider that fails before that has
    not started its response. With `raw`, items are the provider's events together with their chunks.
    """

    def __init__(
        self, decoder: Stage[sse.Event, ChatChunk], framing: Framing = "sse", *, raw: bool = False
    ) -> None:
        self.has_started = False  # items with content were returned
        self.is_ended = False
        self.is_finished = False  # every choice has a finish reason: only usage can follow
        self.was_cut = False  # ended without finish reason and [DONE]; if raw, without its last event
        self.fault: StreamFault | ValueError | RecursionError | None = None
        self._events = FRAMINGS[framing]()
        self._decoder = decoder
        self._raw = raw
        self._pending: list[StreamItem] = []
        self._open_choices: set[int] = set()
        self._has_finish_reason = False

    def feed(self, data: bytes) -> list[StreamItem]:
        """Return the items that the data completes."""
        items: list[StreamItem] = []
        feed = self._decoder.feed
        try:
            for event in self._events.feed(data):
                self._accept(event, feed(event), items)
                if event.data == DONE:
                    self.is_ended = True
                    break
        except (StreamFault, ValueError, RecursionError) as error:
            self.fault = error
        return items if self.has_started else self._release(items)

    def close(self) -> list[StreamItem]:
        """Return the last items, at the end of the bytes."""
        items: list[StreamItem] = []
        try:
            if not self.is_ended:
                for event in self._events.close():
                    self._accept(event, self._decoder.feed(event), items)
            self._accept(None, self._decoder.close(), items)
        except (StreamFault, ValueError, RecursionError) as error:
            self.fault = error
        self.was_cut = not (self.is_ended or self._has_its_end())
        self.is_ended = True
        return items if self.has_started else self._release(items)

    def _has_its_end(self) -> bool:
        """Return True if the response is complete for the client, who gets raw events as they are."""
        if self._raw and isinstance(self._decoder, NativeDecoder):
            return self._decoder.is_done
        return self.is_finished

    def _accept(self, event: sse.Event | None, decoded: Iterable[ChatChunk], items: list[StreamItem]) -> None:
        if self._raw:
            decoded = tuple(decoded)
            if event is not None or decoded:
                items.append(RawEvent(event, decoded))
        for chunk in decoded:
            if not self._raw:
                items.append(chunk)
            for choice in chunk.get("choices") or ():
                if choice.get("finish_reason"):
                    self._has_finish_reason = True
                    self._open_choices.discard(choice["index"])
                else:
                    self._open_choices.add(choice["index"])
        self.is_finished = self._has_finish_reason and not self._open_choices

    def _release(self, items: list[StreamItem]) -> list[StreamItem]:
        """Return what was held back too, once there is content."""
        self._pending += items
        if self.fault is not None or not any(map(_has_content, items)):
            return []
        self.has_started = True
        items, self._pending = self._pending, []
        return items


def _has_content(item: StreamItem) -> bool:
    """Return True if an item says anything; a role or an empty text does not."""
    if isinstance(item, RawEvent):
        return any(map(_chunk_has_content, item.chunks))
    return _chunk_has_content(item)


def _chunk_has_content(chunk: ChatChunk) -> bool:
    return any(
        choice.get("finish_reason") or any(value for name, value in choice["delta"].items() if name != "role")
        for choice in chunk.get("choices") or ()
    )
