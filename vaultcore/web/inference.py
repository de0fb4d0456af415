"""The endpoints that ask a model: one function makes them all, each with its own surface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import partial
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from vaultcore.admission.caller import Caller
from vaultcore.call import Call
from vaultcore.client_apis import ClientApi, EchoesRequest, RequestParser
from vaultcore.dialects import Native, StreamItem, report
from vaultcore.errors import GatewayError
from vaultcore.services import Services
from vaultcore.tracing import HttpRequest
from vaultcore.usage import request_estimate
from vaultcore.web import options
from vaultcore.web.body import read_json
from vaultcore.web.client_stream import Outlet
from vaultcore.web.credentials import recognised
from vaultcore.web.deadline import LAST, SPARE, time_left
from vaultcore.web.idempotency import once
from vaultcore.web.passage import AdmittedCall, admit
from vaultcore.web.reply import STILL_HERE, EventStream, epilogue, error_reply, json_reply
from vaultcore.wire import ChatCompletion, ChatRequest, Json

Verbatim = Callable[[Json, Mapping[str, str]], Native | None]


def endpoint(
    surface: ClientApi, services: Services, native: Verbatim | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers in the words of a surface, streamed where the request asks for it.

    `native` says what goes on verbatim, where that is not all of the body and the surface's headers.
    """
    render = _renderer(surface)

    async def answer(request: Request) -> Response:
        try:
            caller = await recognised(request, services)
            body = await read_json(request, services.settings.max_body)
            call = incoming(surface, services, request, body, native)
            run = partial(asked, caller, call)
            return await once(services, request, caller, call, body=body, forwarded=surface.headers, run=run)
        except GatewayError as error:
            return refused(surface, services, request, error)

    async def asked(caller: Caller, call: Call) -> Response:
        passage = await admit(services, caller, call, request_estimate.chat(call.request))
        try:
            if call.request.get("stream"):
                return cast(Response, await _streamed(surface, services, passage))
            whole = await services.gateway.complete(call)
            await passage.settle(200)
        except GatewayError as error:
            await passage.settle(error.status, error)
            return error_reply(error, surface, passage.headers)
        except BaseException:
            await passage.abandon()
            raise
        body = whole.body if call.passed else render(whole.completion, call.request)
        return json_reply(explained(call, body), headers=passage.headers)

    return answer


def _renderer(surface: ClientApi) -> Callable[[ChatCompletion, ChatRequest], Json]:
    """How a surface renders an answer: asked once, for looking at a protocol takes as long as rendering."""
    if isinstance(surface, EchoesRequest):
        return surface.render_answer
    return lambda completion, _: surface.render_completion(completion)


def incoming(
    surface: RequestParser,
    services: Services,
    request: Request,
    body: object,
    native: Verbatim | None = None,
) -> Call:
    """A request as a call: what is asked, and how hard to try. Raises InvalidRequest."""
    now = services.clock.now()
    visit: HttpRequest = request.scope["state"]["visit"]
    visit.call = Call(
        id=visit.id,
        client_id=visit.client_id,
        trace=visit.trace,
        path=request.url.path,
        request=surface.parse_request(body),
        started=now,
        policy=options.policy(services.settings, request.headers),
        strategy=options.strategy(services.settings, request.headers),
        strict=options.flag(request.headers, "x-vaultedge-strict"),
        explain=options.flag(request.headers, "x-vaultedge-explain"),
        native=(native or _native(surface))(cast(Json, body), request.headers),
        deadline=now + time_left(request.scope) - SPARE,
    )
    return visit.call


def _native(surface: RequestParser) -> Verbatim:
    """What goes on verbatim to a provider that speaks as the client does."""

    def passed(body: Json, headers: Mapping[str, str]) -> Native | None:
        if not surface.native:
            return None
        told = {name: value for name in surface.headers if (value := headers.get(name)) is not None}
        return Native(surface.native, body, told)

    return passed


def explained(call: Call, body: Json) -> Json:
    """The answer, with what the translation changed where the client asked to be told."""
    return {**body, "vaultedge": {"translation": report(call.changes)}} if call.explain else body


async def _streamed(surface: ClientApi, services: Services, passage: AdmittedCall) -> ASGIApp:
    """Await the first piece before anything is sent, so that a failure until then is a proper status.

    Not for longer than a client bears to hear nothing: then the answer begins without it, with a comment and
    with headers that cannot say yet who answers, and a failure is the stream's last event.
    """
    pieces, quiet = services.gateway.stream(passage.call), services.settings.heartbeat
    first = asyncio.ensure_future(anext(pieces))
    try:
        await asyncio.wait({first}, timeout=quiet)
        if first.done():
            first.result()
            passage.call.first = services.clock.now()
    except BaseException:
        await _left_off(first, pieces)
        raise
    headers = passage.headers if first.done() else passage.allowance
    events = _events(surface, services, passage, first, pieces)
    opening = await anext(events, b"")  # begun here, so that it will end, and settle, whoever leaves when
    return EventStream(events, headers, opening=opening, quiet=quiet)


async def _events(
    surface: ClientApi,
    services: Services,
    passage: AdmittedCall,
    first: asyncio.Future[StreamItem],
    rest: AsyncGenerator[StreamItem, None],
) -> AsyncGenerator[bytes, None]:
    call = passage.call
    outlet = Outlet(surface, call.request)
    try:
        try:
            if not first.done():
                yield STILL_HERE
            piece = await first
            call.first = call.first or services.clock.now()
            for event in outlet.feed(piece):
                yield event.encode()
            async for piece in rest:
                for event in outlet.feed(piece):
                    yield event.encode()
        finally:
            await _left_off(first, rest)
        await passage.settle(200)  # before the last event: who has read it finds its use counted
        for event in outlet.close():
            yield event.encode()
        if call.explain:
            yield epilogue(call)
    except GatewayError as error:
        call.flags.append("broken")
        await passage.settle(200, error, within=LAST)  # a store that is slow must not cost the client its end
        for event in outlet.fail(error):
            yield event.encode()
        if call.explain:
            yield epilogue(call)
    finally:  # until here nothing has been settled where the client has gone away
        await passage.abandon()


async def _left_off(first: asyncio.Future[StreamItem], pieces: AsyncGenerator[StreamItem, None]) -> None:
    """End an answer's pieces wherever they are: not while the first is still being waited for."""
    if first.cancel():
        await asyncio.wait({first})
    if not first.cancelled():
        first.exception()  # has been told, or is nobody's concern any more
    await pieces.aclose()


def refused(surface: ClientApi, services: Services, request: Request, error: GatewayError) -> Response:
    """The answer to a request that became no call, and its line in the log."""
    visit: HttpRequest = request.scope["state"]["visit"]
    services.log.request(
        request_id=visit.id,
        client_id=visit.client_id,
        path=request.url.path,
        status=error.status,
        code=error.code,
    )
    return error_reply(error, surface)
