"""A streamed response: the items that its bytes complete, one read at a time.

Between the socket and a caller are two coroutines. When six coroutines and generators were, a piece of a
stream took 100 µs of CPU more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from vaultcore.dialects import RawEvent, StreamFault, StreamItem, tool_names
from vaultcore.errors import UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.upstream import errors
from vaultcore.upstream.deadlines import Deadlines
from vaultcore.upstream.provider_request import ProviderRequest
from vaultcore.upstream.response_body import FAILURES, failure
from vaultcore.upstream.stream_reader import StreamReader
from vaultcore.upstream.transport import TransportResponse

IDLE_AFTER_FINISH = 2.0  # seconds that usage may take once every choice has finished
DRAIN_TIMEOUT = 0.1  # seconds to read the rest of a finished stream, so that its connection can be reused


class ItemSource(Protocol):
    """The items of one response. It has to be closed, also after its end."""

    async def next_items(self) -> list[StreamItem]:
        """Return the items that have arrived together, at least one; [] at the end."""
        ...

    async def close(self) -> None: ...


class ItemStream:
    """The items of one streamed response. Close it, also after its end."""

    def __init__(
        self,
        candidate: Candidate,
        request: ProviderRequest,
        response: TransportResponse,
        reader: StreamReader,
        deadlines: Deadlines,
        *,
        whole: Iterable[StreamItem] | None = None,
    ) -> None:
        """`whole` are the items of a response that is not a stream; then nothing more is read."""
        self._candidate, self._response = candidate, response
        self._whole = None if whole is None else [*whole]
        self._reader, self._deadlines = reader, deadlines
        self._names, self._rewriter = request.client_names, request.rewriter
        self._has_started = False
        self._is_plain = not (request.client_names or request.rewriter)

    async def next_items(self) -> list[StreamItem]:
        """Return the items that the next bytes complete, at least one; [] at the end of the stream.

        Raises UpstreamError before the first item, and StreamBroken after it.
        """
        if self._whole is not None:
            items, self._whole = self._whole, []
            return items
        reader = self._reader
        while not (reader.is_ended or reader.fault):
            lost = None
            try:
                data = await self._response.read(self._deadlines.for_chunk())
            except FAILURES as error:
                data, lost = b"", failure(self._candidate, error, self._deadlines)
            if lost is not None and not reader.is_finished:  # a finished response ignores a lost connection
                raise errors.stream_error(lost) if reader.has_started else lost
            items = reader.feed(data) if data else reader.close()
            if not self._has_started:
                self._start()
            if reader.is_finished:
                self._deadlines.shorten_idle(IDLE_AFTER_FINISH)
            if items:
                return items if self._is_plain else [self._for_client(item) for item in items]
        if reader.fault is not None or reader.was_cut:
            raise self._stream_error()
        await self._drain()
        return []

    async def close(self) -> None:
        """Stop reading. A stream that is closed before its end closes its connection."""
        await self._response.close()

    def _start(self) -> None:
        """End the first-token deadline if content has arrived. Raises UpstreamError if none ever will."""
        reader = self._reader
        self._has_started = reader.has_started
        if reader.has_started:
            self._deadlines.first_token_arrived()
        elif reader.is_ended and reader.fault is None:
            raise errors.host_error(self._candidate, "ended its stream without content", status=200)

    def _for_client(self, item: StreamItem) -> StreamItem:
        """Return the item with the state of a forwarded event marked, or with the client's names of tools."""
        if not isinstance(item, RawEvent):
            return tool_names.restore_chunk(item, self._names) if self._names else item
        if item.event is not None and self._rewriter is not None:
            return item._replace(event=self._rewriter.rewrite_event(item.event))
        return item

    def _stream_error(self) -> UpstreamError:
        reader, candidate = self._reader, self._candidate
        match reader.fault:
            case StreamFault(status=status, detail=detail):
                error = errors.error_from_body(candidate, status, detail)
            case None:
                missing = "its last event" if reader.is_finished else "a finish reason"
                error = errors.host_error(candidate, f"ended its stream without {missing}")
            case _:
                error = errors.host_error(candidate, "sent a stream that cannot be parsed", status=200)
        return errors.stream_error(error) if reader.has_started else error

    async def _drain(self) -> None:
        """Read what follows the end, if it is quick: then the connection can be reused."""
        self._deadlines.end_within(DRAIN_TIMEOUT)
        try:
            while await self._response.read(self._deadlines.for_chunk()):
                pass
        except FAILURES:
            return
