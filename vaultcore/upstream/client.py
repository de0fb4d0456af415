"""Calls providers and reads their responses: the only module that sends a request to a provider.

One call is one attempt; whether another follows is decided in `vaultcore.routing.attempts`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

import httpx

from vaultcore.catalog.schema import Framing
from vaultcore.dialects import (
    Dialect,
    RawEvent,
    StreamFault,
    StreamItem,
    load_dialect,
    think_tags,
    tool_names,
)
from vaultcore.errors import UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.settings import Timeouts
from vaultcore.upstream import as_chunks, errors
from vaultcore.upstream.build_request import build_request
from vaultcore.upstream.deadlines import NO_LIMIT, Deadlines
from vaultcore.upstream.http1.pool import IS_DIRECT
from vaultcore.upstream.provider_request import ProviderRequest, ProviderResponse
from vaultcore.upstream.response_body import (
    close,
    content_type,
    parse_object,
    read_body,
    read_chunks,
    read_completion,
    read_error,
)
from vaultcore.upstream.signing import RequestSigner
from vaultcore.upstream.stream_reader import StreamReader
from vaultcore.wire import Json

OnHeaders = Callable[[Mapping[str, str], int], None]  # headers, status

JSON = "application/json"
ACCEPT: Mapping[Framing, str] = {
    "sse": "text/event-stream",
    "eventstream": "application/vnd.amazon.eventstream",
}
IDLE_AFTER_FINISH = 2.0  # seconds that usage may take once every choice has finished
DRAIN_TIMEOUT = 0.1  # seconds to read the rest of a finished stream, so that its connection can be reused


class Upstream:
    """Calls providers over one connection pool.

    `on_headers` receives headers and status of each response as soon as they arrive, errors included.
    `remaining` is the time until the client request's deadline, in seconds.
    """

    def __init__(self, http: httpx.AsyncBaseTransport, timeouts: Timeouts) -> None:
        self.http = http
        self._timeouts = timeouts
        self._signer = RequestSigner()

    async def aclose(self) -> None:
        """Close every connection to a provider."""
        await self.http.aclose()

    async def complete(
        self,
        candidate: Candidate,
        request: ProviderRequest,
        on_headers: OnHeaders,
        remaining: float = NO_LIMIT,
    ) -> ProviderResponse:
        """Return a whole response. Raises UpstreamError."""
        deadlines = self.deadlines(remaining)
        http_request = await self._build(candidate, request, deadlines, accept=JSON)
        dialect = load_dialect(request.dialect)
        async with self._response(candidate, dialect, http_request, on_headers, deadlines) as response:
            result = await read_completion(candidate, dialect, response, deadlines)
        completion = tool_names.restore_completion(result.completion, request.client_names)
        result = replace(result, completion=completion)
        if request.rewriter is not None:
            return replace(result, body=request.rewriter.rewrite_response(result.body))
        return result

    def deadlines(self, remaining: float = NO_LIMIT) -> Deadlines:
        """Return the deadlines of an attempt at a whole response, however many requests it takes."""
        return Deadlines(self._timeouts, total=self._timeouts.total, remaining=remaining)

    async def post(
        self,
        candidate: Candidate,
        request: ProviderRequest,
        on_headers: OnHeaders,
        deadlines: Deadlines | None = None,
    ) -> Json:
        """Return the JSON object that answers a request other than a completion. Raises UpstreamError."""
        deadlines = deadlines or self.deadlines()
        http_request = await self._build(candidate, request, deadlines, accept=JSON)
        dialect = load_dialect(request.dialect)
        async with self._response(candidate, dialect, http_request, on_headers, deadlines) as response:
            body = parse_object(await read_body(candidate, response, deadlines))
        if body is None:
            raise errors.host_error(candidate, "sent a body that is not a JSON object", status=200)
        return body

    async def stream(
        self,
        candidate: Candidate,
        request: ProviderRequest,
        on_headers: OnHeaders,
        remaining: float = NO_LIMIT,
    ) -> AsyncGenerator[StreamItem, None]:
        """Yield the items of a streamed response.

        Raises UpstreamError before the first item, and StreamBroken after it.
        """
        timeouts = self._timeouts
        deadlines = Deadlines(
            timeouts, total=timeouts.stream, first_token=timeouts.first_token, remaining=remaining
        )
        framing = candidate.target.provider.framing
        http_request = await self._build(candidate, request, deadlines, accept=ACCEPT[framing])
        dialect = load_dialect(request.dialect)
        async with self._response(candidate, dialect, http_request, on_headers, deadlines) as response:
            if content_type(response) == JSON:  # some providers ignore "stream": true
                completion = (await read_completion(candidate, dialect, response, deadlines)).completion
                for chunk in as_chunks.chunks(completion):
                    yield tool_names.restore_chunk(chunk, request.client_names)
                return
            decoder = think_tags.create_decoder(dialect, candidate.target.provider)
            reader = StreamReader(decoder, framing, raw=request.is_native)
            async with aclosing(read_chunks(candidate, response, deadlines)) as chunks:
                while not reader.is_ended:
                    for item in await _next_items(candidate, chunks, reader, deadlines):
                        yield _for_client(item, request)
                    if reader.fault is not None or reader.was_cut:
                        raise _stream_error(candidate, reader)
                await _drain(chunks, deadlines)

    @asynccontextmanager
    async def _response(
        self,
        candidate: Candidate,
        dialect: Dialect,
        http_request: httpx.Request,
        on_headers: OnHeaders,
        deadlines: Deadlines,
    ) -> AsyncGenerator[httpx.Response, None]:
        """Send a request; yield a 2xx response that is neither encoded nor a web page."""
        response = await self._send(candidate, http_request, deadlines)
        try:
            on_headers(response.headers, response.status_code)
            if not response.is_success:
                raise await read_error(candidate, dialect, response, deadlines)
            if response.headers.get("content-encoding", "identity") != "identity":
                raise errors.host_error(
                    candidate, "sent a content encoding that was not accepted", status=200
                )
            if content_type(response) == "text/html":
                raise errors.host_error(candidate, "sent a web page", status=response.status_code)
            yield response
        finally:
            await close(response)

    async def _build(
        self, candidate: Candidate, request: ProviderRequest, deadlines: Deadlines, *, accept: str
    ) -> httpx.Request:
        try:
            async with asyncio.timeout_at(deadlines.for_response()):  # signing may wait for credentials
                return await build_request(
                    candidate,
                    request.path,
                    None if request.method == "GET" else request.encoded().content,
                    request.headers,
                    accept=accept,
                    content_type=request.content_type,
                    signer=self._signer,
                )
        except TimeoutError:
            reason = deadlines.description
        raise errors.host_error(candidate, reason, late=deadlines.request_time_is_up)

    async def _send(
        self, candidate: Candidate, http_request: httpx.Request, deadlines: Deadlines
    ) -> httpx.Response:
        http_request.extensions["timeout"] = {"connect": self._timeouts.connect}
        http_request.extensions[IS_DIRECT] = candidate.target.provider.local
        try:
            async with asyncio.timeout_at(deadlines.for_response()):
                return await self.http.handle_async_request(http_request)
        except httpx.ConnectTimeout:
            reason = f"timed out after {self._timeouts.connect:g} s (connect)"
        except TimeoutError:
            reason = deadlines.description
        except (httpx.HTTPError, OSError) as error:
            reason = errors.transport_reason(error)
        raise errors.host_error(candidate, reason, late=deadlines.request_time_is_up)


async def _next_items(
    candidate: Candidate, chunks: AsyncGenerator[bytes, None], reader: StreamReader, deadlines: Deadlines
) -> list[StreamItem]:
    """Return the items that the next bytes complete. A finished response ignores a lost connection."""
    connection_error: UpstreamError | None = None
    try:
        data = await anext(chunks, None)
    except UpstreamError as error:
        connection_error, data = error, None
    if connection_error is not None and not reader.is_finished:
        raise errors.stream_error(connection_error) if reader.has_started else connection_error
    had_started = reader.has_started
    items = reader.close() if data is None else reader.feed(data)
    if reader.has_started and not had_started:
        deadlines.first_token_arrived()
    if reader.is_finished:
        deadlines.shorten_idle(IDLE_AFTER_FINISH)
    if reader.is_ended and not reader.has_started and reader.fault is None:
        raise errors.host_error(candidate, "ended its stream without content", status=200)
    return items


def _stream_error(candidate: Candidate, reader: StreamReader) -> UpstreamError:
    match reader.fault:
        case StreamFault(status=status, detail=detail):
            error = errors.error_from_body(candidate, status, detail)
        case None:
            missing = "its last event" if reader.is_finished else "a finish reason"
            error = errors.host_error(candidate, f"ended its stream without {missing}")
        case _:
            error = errors.host_error(candidate, "sent a stream that cannot be parsed", status=200)
    return errors.stream_error(error) if reader.has_started else error


def _for_client(item: StreamItem, request: ProviderRequest) -> StreamItem:
    """Return the item with the state of a forwarded event marked, or with the client's names of tools."""
    if not isinstance(item, RawEvent):
        return tool_names.restore_chunk(item, request.client_names) if request.client_names else item
    if item.event is not None and request.rewriter is not None:
        return replace(item, event=request.rewriter.rewrite_event(item.event))
    return item


async def _drain(chunks: AsyncGenerator[bytes, None], deadlines: Deadlines) -> None:
    """Read what follows the end, if it is quick: then the connection can be reused."""
    deadlines.end_within(DRAIN_TIMEOUT)
    try:
        async for _ in chunks:
            pass
    except UpstreamError:
        return
