"""The items of a stream as the client receives them, from those that the provider sends."""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.dialects import RawEvent, StreamItem
from vaultcore.gateway.output_meter import OutputMeter
from vaultcore.routing.stream_joiner import StreamJoiner
from vaultcore.streams import Stage
from vaultcore.wire import ChatChunk


class ClientItems:
    """Turns the items of one attempt into the client's: joined to one stream, with their state marked.

    A forwarded event stays as it is; the rewriter of a native stream has marked its state already.
    """

    def __init__(self, joiner: StreamJoiner, marker: Stage[ChatChunk, ChatChunk], meter: OutputMeter) -> None:
        self._joiner, self._marker, self._meter = joiner, marker, meter
        self.is_cut_off = False  # the output is longer than its maximum: the items after it are dropped

    def feed(self, items: Iterable[StreamItem]) -> list[StreamItem]:
        """Return the client's items for those that arrived together."""
        joiner, meter = self._joiner, self._meter
        ready: list[StreamItem] = []
        for item in items:
            if isinstance(item, RawEvent):
                for chunk in item.chunks:
                    joiner.observe(chunk)
                ready.append(item)
            else:
                ready += self._marker.feed(joiner.join(item))
            if meter.has_limit and meter.is_exceeded(joiner):
                self.is_cut_off = True
                break
        return ready
