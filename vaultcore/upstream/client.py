"""Calls providers and reads their responses: the only module that sends a request to a provider.

One call is one attempt; whether another follows is decided in `vaultcore.routing.attempts`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace

from vaultcore.catalog.schema import Framing
from vaultcore.dialects import StreamItem, load_dialect, think_tags, tool_names
from vaultcore.errors import UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.settings import Timeouts
from vaultcore.upstream import as_chunks, errors
from vaultcore.upstream.build_request import RequestBuilder
from vaultcore.upstream.deadlines import NO_LIMIT, Deadlines
from vaultcore.upstream.provider_request import ProviderRequest, ProviderResponse
from vaultcore.upstream.response_body import (
    FAILURES,
    content_type,
    failure,
    parse_object,
    read_body,
    read_completion,
    read_error,
)
from vaultcore.upstream.response_stream import ItemStream
from vaultcore.upstream.stream_reader import StreamReader
from vaultcore.upstream.transport import ConnectTimeout, Transport, TransportRequest, TransportResponse
from vaultcore.wire import Json

OnHeaders = Callable[[Mapping[str, str], int], None]  # headers, status

JSON = "application/json"
ACCEPT: Mapping[Framing, str] = {
    "sse": "text/event-stream",
    "eventstream": "application/vnd.amazon.eventstream",
}


class Upstream:
    """Calls providers over one connection pool.

    `on_headers` receives headers and status of each response as soon as they arrive, errors included.
    `remaining` is the time until the client request's deadline, in seconds.
    """

    def __init__(self, http: Transport, timeouts: Timeouts) -> None:
        self.http = http
        self._timeouts = timeouts
        self._requests = RequestBuilder()

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
        deadlines, dialect = self.deadlines(remaining), load_dialect(request.dialect)
        response = await self._open(candidate, request, on_headers, deadlines, accept=JSON)
        try:
            result = await read_completion(candidate, dialect, response, deadlines)
        finally:
            await response.close()
        if request.client_names:
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
        response = await self._open(candidate, request, on_headers, deadlines, accept=JSON)
        try:
            body = parse_object(await read_body(candidate, response, deadlines))
        finally:
            await response.close()
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
        stream = await self.open_stream(candidate, request, on_headers, remaining)
        try:
            while items := await stream.next_items():
                for item in items:
                    yield item
        finally:
            await stream.close()

    async def open_stream(
        self,
        candidate: Candidate,
        request: ProviderRequest,
        on_headers: OnHeaders,
        remaining: float = NO_LIMIT,
    ) -> ItemStream:
        """Return a streamed response whose head has arrived; it has to be closed. Raises UpstreamError."""
        timeouts, provider = self._timeouts, candidate.target.provider
        deadlines = Deadlines(
            timeouts, total=timeouts.stream, first_token=timeouts.first_token, remaining=remaining
        )
        dialect, accept = load_dialect(request.dialect), ACCEPT[provider.framing]
        response = await self._open(candidate, request, on_headers, deadlines, accept=accept)
        try:
            whole = None
            if content_type(response.headers) == JSON:  # some providers ignore "stream": true
                completion = (await read_completion(candidate, dialect, response, deadlines)).completion
                whole = [
                    tool_names.restore_chunk(chunk, request.client_names)
                    for chunk in as_chunks.chunks(completion)
                ]
            decoder = think_tags.create_decoder(dialect, provider)
            reader = StreamReader(decoder, provider.framing, raw=request.is_native)
            return ItemStream(candidate, request, response, reader, deadlines, whole=whole)
        except BaseException:
            await response.close()
            raise

    async def _open(
        self,
        candidate: Candidate,
        request: ProviderRequest,
        on_headers: OnHeaders,
        deadlines: Deadlines,
        *,
        accept: str,
    ) -> TransportResponse:
        """Send a request; return a 2xx response that is neither encoded nor a web page."""
        http_request = self._requests.build(
            candidate,
            request.path,
            None if request.method == "GET" else request.encoded_body(),
            request.headers,
            accept=accept,
            content_type=request.content_type,
            connect_timeout=self._timeouts.connect,
        )
        if http_request.is_unsigned:
            http_request = await self._sign(candidate, http_request, deadlines)
        response = await self._send(candidate, http_request, deadlines)
        try:
            on_headers(response.headers, response.status)
            error = None
            if response.status != 200 or not _is_plain_json(response.headers):
                error = await _rejection(candidate, request, response, deadlines)
        except BaseException:
            await response.close()
            raise
        if error is None:
            return response
        await response.close()
        raise error

    async def _sign(
        self, candidate: Candidate, http_request: TransportRequest, deadlines: Deadlines
    ) -> TransportRequest:
        """Return a signed request. It may have to wait for credentials. Raises UpstreamError."""
        try:
            async with asyncio.timeout_at(deadlines.for_response()):
                return await self._requests.sign(candidate, http_request)
        except TimeoutError as error:
            late = failure(candidate, error, deadlines)
        raise late

    async def _send(
        self, candidate: Candidate, http_request: TransportRequest, deadlines: Deadlines
    ) -> TransportResponse:
        try:
            return await self.http.send(http_request, deadlines.for_response())
        except ConnectTimeout:
            reason = f"timed out after {self._timeouts.connect:g} s (connect)"
            lost = errors.host_error(candidate, reason, late=deadlines.request_time_is_up)
        except FAILURES as error:
            lost = failure(candidate, error, deadlines)
        raise lost


def _is_plain_json(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type") == JSON and "content-encoding" not in headers


async def _rejection(
    candidate: Candidate, request: ProviderRequest, response: TransportResponse, deadlines: Deadlines
) -> UpstreamError | None:
    """Return the error of a response that cannot be what was requested."""
    headers, status = response.headers, response.status
    if not 200 <= status < 300:
        return await read_error(candidate, load_dialect(request.dialect), response, deadlines)
    if headers.get("content-encoding", "identity") != "identity":
        return errors.host_error(candidate, "sent a content encoding that was not accepted", status=200)
    if content_type(headers) == "text/html":
        return errors.host_error(candidate, "sent a web page", status=status)
    return None
