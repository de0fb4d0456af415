"""Asks a provider and reads its answer: the one place where a request leaves this process for a provider."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

import httpx

from vaultcore.catalog.schema import Framing, Target
from vaultcore.dialects import (
    Dialect,
    Native,
    RawEvent,
    Rendered,
    StatefulPassthrough,
    StreamFault,
    StreamItem,
    dialect,
    think_tags,
)
from vaultcore.dialects.legacy_functions import retold, suited
from vaultcore.errors import UpstreamError
from vaultcore.routing.plan import Candidate
from vaultcore.settings import Timeouts
from vaultcore.upstream import as_chunks, errors
from vaultcore.upstream.build_request import outgoing
from vaultcore.upstream.deadlines import ENDLESS, Timer
from vaultcore.upstream.signing import Signer
from vaultcore.upstream.stream_reader import Reading
from vaultcore.wire import ChatCompletion, ChatRequest, Json

OnHeaders = Callable[[Mapping[str, str], int], None]

JSON = "application/json"
ACCEPTS: Mapping[Framing, str] = {
    "sse": "text/event-stream",
    "eventstream": "application/vnd.amazon.eventstream",
}
MAX_ANSWER = 64 * 1024 * 1024  # bytes of a buffered answer
MAX_ERROR = 64 * 1024  # bytes of an error that are read
ERROR_TIME = 5.0  # seconds an error's body may take: its status is known already
SETTLED = 2.0  # seconds for what follows once every choice has finished: usage, at most
SWEPT = 0.1  # seconds for what follows a stream's end, so that its connection can serve again


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """A request in a provider's own words: the path below its base URL, the body, and what that took."""

    path: str
    rendered: Rendered
    dialect: str  # of the body, and so of the answer
    headers: Mapping[str, str] = field(default_factory=dict)
    native: bool = False  # the client's own words: what comes back passes as it is
    method: str = "POST"  # a GET has no body


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """A whole answer: its meaning, and its body as the provider wrote it."""

    completion: ChatCompletion
    body: Json


def passthrough(target: Target, request: ChatRequest, native: Native) -> ProviderRequest:
    """The client's own body for a provider that speaks the same, with the provider's name for the model."""
    speech = dialect(native.dialect)
    body = (
        speech.pass_request(native.body, target) if isinstance(speech, StatefulPassthrough) else native.body
    )
    rendered = Rendered({**body, "model": target.model.name})
    return ProviderRequest(
        speech.render_path(request, target), rendered, native.dialect, native.headers, native=True
    )


def render(target: Target, request: ChatRequest) -> ProviderRequest:
    """The request as the target's provider wants it. Raises InvalidRequest."""
    speech = dialect(target.dialect)
    told = suited(request, target)
    rendered = retold(speech.render_request(told, target), request)
    return ProviderRequest(speech.render_path(told, target), rendered, target.dialect)


class Upstream:
    """Calls providers. A call is one attempt; whether there is another is not decided here.

    `heard` is told headers and status as soon as they are there, an error's too. `left`: the request's time.
    """

    def __init__(self, http: httpx.AsyncBaseTransport, timeouts: Timeouts) -> None:
        self.http = http
        self._timeouts = timeouts
        self._signer = Signer()

    async def aclose(self) -> None:
        """Close every connection to a provider."""
        await self.http.aclose()

    async def complete(
        self, candidate: Candidate, asked: ProviderRequest, heard: OnHeaders, left: float = ENDLESS
    ) -> ProviderResponse:
        """A whole answer to a request that asked for one, or `UpstreamError`."""
        timer = self.timer(left)
        outgoing = await self._outgoing(candidate, asked, timer, accept=JSON)
        speech = dialect(asked.dialect)
        async with self._answer(candidate, speech, outgoing, heard, timer) as response:
            answer = await _whole(candidate, speech, response, timer)
        if asked.native and isinstance(speech, StatefulPassthrough):
            return replace(answer, body=speech.pass_answer(answer.body, candidate.target))
        return answer

    def timer(self, left: float = ENDLESS) -> Timer:
        """The deadlines of an attempt at a whole answer, however many posts it takes."""
        return Timer(self._timeouts, whole=self._timeouts.total, left=left)

    async def post(
        self, candidate: Candidate, asked: ProviderRequest, heard: OnHeaders, timer: Timer | None = None
    ) -> Json:
        """The JSON object that answers a request for something else than a completion, or `UpstreamError`."""
        timer = timer or self.timer()
        outgoing = await self._outgoing(candidate, asked, timer, accept=JSON)
        async with self._answer(candidate, dialect(asked.dialect), outgoing, heard, timer) as response:
            told = _object(await _body(candidate, response, timer))
        if told is None:
            raise errors.broken(candidate, "answered with something that is no JSON object", status=200)
        return told

    async def stream(
        self, candidate: Candidate, asked: ProviderRequest, heard: OnHeaders, left: float = ENDLESS
    ) -> AsyncGenerator[StreamItem, None]:
        """The pieces of an answer to a request that asked for a stream.

        Raises `UpstreamError`, and after the first chunk `StreamBroken`.
        """
        told = self._timeouts
        timer = Timer(told, whole=told.stream, first=told.first_token, left=left)
        framing = candidate.target.provider.framing
        outgoing = await self._outgoing(candidate, asked, timer, accept=ACCEPTS[framing])
        speech = dialect(asked.dialect)
        async with self._answer(candidate, speech, outgoing, heard, timer) as response:
            if _is_json(response):
                for chunk in as_chunks.chunks((await _whole(candidate, speech, response, timer)).completion):
                    yield chunk
                return
            decoder = think_tags.decoder(speech, candidate.target.provider)
            reading = Reading(decoder, framing, passing=asked.native)
            async with aclosing(_pieces(candidate, response, timer)) as pieces:
                while not reading.ended:
                    for said in await _next(candidate, pieces, reading, timer):
                        yield _passing(said, speech, candidate.target)
                    if reading.fault is not None or reading.cut:
                        raise _fault(candidate, reading)
                await _sweep(pieces, timer)

    @asynccontextmanager
    async def _answer(
        self, candidate: Candidate, speech: Dialect, outgoing: httpx.Request, heard: OnHeaders, timer: Timer
    ) -> AsyncGenerator[httpx.Response, None]:
        """An answer that promises to be one: a 2xx, not encoded, not a web page."""
        response = await self._send(candidate, outgoing, timer)
        try:
            heard(response.headers, response.status_code)
            if not response.is_success:
                raise await _refusal(candidate, speech, response, timer)
            if response.headers.get("content-encoding", "identity") != "identity":
                raise errors.broken(candidate, "answered in an encoding it was not asked for", status=200)
            if _type(response) == "text/html":
                raise errors.broken(candidate, "answered with a web page", status=response.status_code)
            yield response
        finally:
            await _close(response)

    async def _outgoing(
        self, candidate: Candidate, asked: ProviderRequest, timer: Timer, *, accept: str
    ) -> httpx.Request:
        try:
            async with asyncio.timeout_at(timer.until_answer()):
                body = None if asked.method == "GET" else asked.rendered.body
                told = (asked.path, body, asked.headers)
                return await outgoing(candidate, *told, accept=accept, signer=self._signer)
        except TimeoutError:
            reason = timer.passed
        raise errors.broken(candidate, reason, late=timer.spent)

    async def _send(self, candidate: Candidate, outgoing: httpx.Request, timer: Timer) -> httpx.Response:
        outgoing.extensions["timeout"] = {"connect": self._timeouts.connect}
        try:
            async with asyncio.timeout_at(timer.until_answer()):
                return await self.http.handle_async_request(outgoing)
        except httpx.ConnectTimeout:
            reason = f"timed out after {self._timeouts.connect:g} s (connect)"
        except TimeoutError:
            reason = timer.passed
        except (httpx.HTTPError, OSError) as error:
            reason = errors.transport_reason(error)
        raise errors.broken(candidate, reason, late=timer.spent)


def _is_json(response: httpx.Response) -> bool:
    return _type(response) == JSON


def _type(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


async def _pieces(
    candidate: Candidate, response: httpx.Response, timer: Timer
) -> AsyncGenerator[bytes, None]:
    """The bytes of an answer as they come, each waited for no longer than the timer says."""
    source = response.aiter_raw()
    piece: bytes | None = b""
    while piece is not None:
        reason, until = None, timer.until_piece()
        if timer.spent:  # a provider that never pauses gives a timeout no chance
            raise errors.broken(candidate, timer.passed, late=True)
        try:
            async with asyncio.timeout_at(until):
                piece = await anext(source, None)
        except TimeoutError:
            reason = timer.passed
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            reason = errors.transport_reason(error)
        if reason is not None:
            raise errors.broken(candidate, reason, late=timer.spent)
        if piece:
            yield piece


async def _next(
    candidate: Candidate, pieces: AsyncGenerator[bytes, None], reading: Reading, timer: Timer
) -> list[StreamItem]:
    """What the next piece completes. An answer that has finished cannot break any more."""
    broke: UpstreamError | None = None
    try:
        piece = await anext(pieces, None)
    except UpstreamError as error:
        broke, piece = error, None
    if broke is not None and not reading.finished:
        raise errors.midway(broke) if reading.begun else broke
    begun = reading.begun
    chunks = reading.close() if piece is None else reading.feed(piece)
    if reading.begun and not begun:
        timer.begun()
    if reading.finished:
        timer.settle(SETTLED)
    if reading.ended and not reading.begun and reading.fault is None:
        raise errors.broken(candidate, "ended its stream without an answer", status=200)
    return chunks


def _fault(candidate: Candidate, reading: Reading) -> UpstreamError:
    match reading.fault:
        case StreamFault(status=status, detail=detail):
            error = errors.reported(candidate, status, detail)
        case None:
            error = errors.broken(candidate, "ended its stream without a reason to finish")
        case _:
            error = errors.broken(candidate, "sent a stream that makes no sense", status=200)
    return errors.midway(error) if reading.begun else error


def _passing(piece: StreamItem, speech: Dialect, target: Target) -> StreamItem:
    if isinstance(piece, RawEvent) and isinstance(speech, StatefulPassthrough):
        return replace(piece, event=speech.pass_event(piece.event, target))
    return piece


async def _sweep(pieces: AsyncGenerator[bytes, None], timer: Timer) -> None:
    """Read what is left after the end, if it is quick: the connection can then serve again."""
    timer.shorten(SWEPT)
    try:
        async for _ in pieces:
            pass
    except UpstreamError:
        return


async def _whole(
    candidate: Candidate, speech: Dialect, response: httpx.Response, timer: Timer
) -> ProviderResponse:
    # Raised here, where no local holds the body: it may quote the key.
    answer = _parse(candidate, speech, await _body(candidate, response, timer), response.status_code)
    if isinstance(answer, UpstreamError):
        raise answer
    return answer


async def _body(candidate: Candidate, response: httpx.Response, timer: Timer) -> bytes:
    pieces, size = [], 0
    async with aclosing(_pieces(candidate, response, timer)) as source:
        async for piece in source:
            pieces.append(piece)
            size += len(piece)
            if size > MAX_ANSWER:
                raise errors.broken(candidate, f"answered with more than {MAX_ANSWER} bytes", status=200)
    return b"".join(pieces)


async def _refusal(
    candidate: Candidate, speech: Dialect, response: httpx.Response, timer: Timer
) -> UpstreamError:
    """The error that an answer is, from as much of its body as comes in time."""
    timer.shorten(ERROR_TIME)
    body = b""
    try:
        async with aclosing(_pieces(candidate, response, timer)) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > MAX_ERROR:
                    break
    except UpstreamError:
        pass  # what came is enough: the status says the most
    detail = errors.named(speech.parse_error(response.status_code, body[:MAX_ERROR]), response.headers)
    wait = errors.retry_after(response.headers, time.time())
    return errors.refused(candidate, response.status_code, detail, retry_after=wait)


def _parse(
    candidate: Candidate, speech: Dialect, body: bytes, status: int
) -> ProviderResponse | UpstreamError:
    fault: StreamFault | None = None
    try:
        answer: Json = json.loads(body)
        if isinstance(answer, dict | list):  # of pieces, from some: the dialect's to judge
            return ProviderResponse(think_tags.parse(speech, candidate.target.provider, answer), answer)
    except StreamFault as error:
        fault = error
    except (ValueError, RecursionError):
        pass
    if fault is not None:
        return errors.reported(candidate, fault.status, fault.detail)
    reason = (
        "answered with something that is no completion" if body.strip() else "answered with an empty body"
    )
    return errors.broken(candidate, reason, status=status)


def _object(body: bytes) -> Json | None:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


async def _close(response: httpx.Response) -> None:
    try:
        await response.aclose()
    except (httpx.HTTPError, OSError):
        return  # it is being thrown away
