"""The endpoints that ask a model: one function makes them all, each with its own surface."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from vaultcore.call import Call
from vaultcore.dialects import Native, Piece, report
from vaultcore.errors import GatewayError
from vaultcore.services import Services
from vaultcore.surfaces import Reader, Repeating, Surface
from vaultcore.surfaces.text import dump
from vaultcore.web import options
from vaultcore.web.access import require_data_key
from vaultcore.web.body import read_json
from vaultcore.web.outlet import Outlet
from vaultcore.web.reply import EventStream, error_reply, json_reply, told
from vaultcore.wire import ChatCompletion, ChatRequest, Json

Verbatim = Callable[[Json, Mapping[str, str]], Native | None]

SPARE = 2.0  # seconds of a Lambda invocation kept to end the answer properly


def endpoint(
    surface: Surface, services: Services, native: Verbatim | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers in the words of a surface, streamed where the request asks for it.

    `native` says what goes on verbatim, where that is not all of the body and the surface's headers.
    """
    render = _renderer(surface)

    async def answer(request: Request) -> Response:
        try:
            await require_data_key(request, services.secrets)
            body = await read_json(request, services.settings.max_body)
            call = incoming(surface, services, request, body, native)
        except GatewayError as error:
            return refused(surface, services, request, error)
        try:
            if call.request.get("stream"):
                return cast(Response, await _streamed(surface, services, call))
            whole = await services.gateway.complete(call)
        except GatewayError as error:
            note(services, call, error.status, error)
            return error_reply(error, surface, told(call))
        note(services, call, 200)
        body = whole.body if call.passed else render(whole.completion, call.request)
        return json_reply(explained(call, body), headers=told(call))

    return answer


def _renderer(surface: Surface) -> Callable[[ChatCompletion, ChatRequest], Json]:
    """How a surface renders an answer: asked once, for looking at a protocol takes as long as rendering."""
    if isinstance(surface, Repeating):
        return surface.render_answer
    return lambda completion, _: surface.render_completion(completion)


def incoming(
    surface: Reader,
    services: Services,
    request: Request,
    body: object,
    native: Verbatim | None = None,
) -> Call:
    """A request as a call: what is asked, and how hard to try. Raises InvalidRequest."""
    now = services.clock.now()
    return Call(
        id=request.scope["state"]["request_id"],
        request=surface.parse_request(body),
        started=now,
        policy=options.policy(services.settings, request.headers),
        strategy=options.strategy(services.settings, request.headers),
        strict=options.flag(request.headers, "x-vaultedge-strict"),
        explain=options.flag(request.headers, "x-vaultedge-explain"),
        native=(native or _native(surface))(cast(Json, body), request.headers),
        deadline=now + _time_left(request) - SPARE,
    )


def _native(surface: Reader) -> Verbatim:
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


def _time_left(request: Request) -> float:
    """Seconds this invocation may still take: without an end where no Lambda context says so."""
    context = request.scope.get("aws.context")
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return remaining() / 1_000 if remaining is not None else float("inf")


async def _streamed(surface: Surface, services: Services, call: Call) -> ASGIApp:
    """Await the first piece before anything is sent, so that a failure until then is a proper status."""
    pieces = services.gateway.stream(call)
    try:
        first = await anext(pieces)
    except BaseException:
        await pieces.aclose()
        raise
    return EventStream(_events(surface, services, call, first, pieces), told(call))


async def _events(
    surface: Surface, services: Services, call: Call, first: Piece, rest: AsyncGenerator[Piece, None]
) -> AsyncGenerator[bytes, None]:
    outlet = Outlet(surface, call.request)
    status, failure = 499, None  # until the last byte is out: the client has gone away
    try:
        async with aclosing(rest):
            for event in outlet.feed(first):
                yield event.encode()
            async for piece in rest:
                for event in outlet.feed(piece):
                    yield event.encode()
        for event in outlet.close():
            yield event.encode()
        if call.explain:
            yield b": vaultedge " + dump(report(call.changes)).encode() + b"\n\n"
        status = 200
    except GatewayError as error:
        status, failure = 200, error
        for event in outlet.fail(error):
            yield event.encode()
    finally:
        note(services, call, status, failure)


def refused(surface: Surface, services: Services, request: Request, error: GatewayError) -> Response:
    """The answer to a request that became no call, and its line in the log."""
    request_id = request.scope["state"]["request_id"]
    services.log.request(request_id=request_id, path=request.url.path, status=error.status, code=error.code)
    return error_reply(error, surface)


def note(services: Services, call: Call, status: int, error: GatewayError | None = None) -> None:
    """The line in the log about what became of a call."""
    usage = call.usage or {}
    served = call.served
    services.log.request(
        request_id=call.id,
        model=call.model,
        provider=served.target.provider.name if served else None,
        served=served.target.model.name if served else None,
        key_id=served.credential.id if served else None,
        stream=bool(call.request.get("stream")),
        status=status,
        code=error.code if error else None,
        attempts=len(call.attempts),
        changes=len(call.changes),
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        cost_nanos=call.cost,
        ms=round((services.clock.now() - call.started) * 1_000, 1),
    )
