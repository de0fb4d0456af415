"""A simulated provider as an ASGI app: its manners, its key and its mishaps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vaultcore.simulators.faults import Cut, FaultScript, InjectedFault, ProviderCall, Refused
from vaultcore.simulators.media_routes import atelier
from vaultcore.simulators.reply import Json, Prompt, Reply, reply


class ProviderBehavior(Protocol):
    """What a module of this package says about one family of providers."""

    PATH: str  # where completions are asked for
    MODELS: tuple[str, ...]

    def token(self, headers: Mapping[str, str]) -> str:
        """The key of a request; empty where there is none."""
        ...

    def check(self, headers: Mapping[str, str], body: Json) -> None:
        """Raise Refused where the request breaks a rule."""
        ...

    def prompt(self, title: str, body: Json) -> Prompt: ...

    def completion(self, body: Json, answer: Reply) -> Json: ...

    def events(self, body: Json, answer: Reply) -> Iterator[bytes]: ...

    def failure(self, error: Refused) -> Json: ...

    def listing(self, title: str, names: tuple[str, ...]) -> Json: ...


@runtime_checkable
class Framed(ProviderBehavior, Protocol):
    """Manners of a provider whose streams are no server-sent events, and whose errors a header names."""

    STREAM: str  # the media type of its streams

    def named(self, error: Refused) -> Mapping[str, str]: ...


def application(
    manners: ProviderBehavior,
    title: str,
    keys: tuple[str, ...],
    script: FaultScript,
    *,
    pace: float = 0.0,
    also: Sequence[ProviderBehavior] = (),
) -> Starlette:
    """The provider. It accepts its keys; `pace` is the seconds between two events of a stream.

    It speaks in `also` besides, with the same key and script, where those have other paths.
    """

    async def complete(request: Request, manners: ProviderBehavior) -> Response:
        body = {**await _told(request), **_addressed(request, manners)}
        known = manners.token(request.headers) in keys
        name = str(body.get("model", ""))
        script.asked.append(ProviderCall(request.url.path, name, body.get("stream") is True, known, body))
        mishap = script.next(name)
        await asyncio.sleep(mishap.delay)
        if mishap.status is not None:
            raise Refused(
                mishap.status, KINDS.get(mishap.status, "api_error"), mishap.message, wait=mishap.retry_after
            )
        _admit(known)
        manners.check(request.headers, body)
        answer = reply(manners.prompt(title, body))
        if body.get("stream") is True:
            kind = manners.STREAM if isinstance(manners, Framed) else "text/event-stream"
            return StreamingResponse(_paced(manners.events(body, answer), mishap, pace), media_type=kind)
        return JSONResponse(manners.completion(body, answer))

    async def listed(request: Request) -> Response:
        _admit(manners.token(request.headers) in keys)
        return JSONResponse(manners.listing(title, manners.MODELS))

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)  # noqa: S101 - the only exception it is registered for
        headers = dict(manners.named(error)) if isinstance(manners, Framed) else {}
        headers |= {} if error.wait is None else {"retry-after": f"{error.wait:g}"}
        return JSONResponse(manners.failure(error), error.status, headers)

    return Starlette(
        routes=[
            *(
                Route(f"/v1{each.PATH}", partial(complete, manners=each), methods=["POST"])
                for each in (manners, *also)
            ),
            Route("/v1/models", listed, methods=["GET"]),
            *atelier(keys, script),
        ],
        exception_handlers={Refused: refused},
    )


KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _admit(known: bool) -> None:
    if not known:
        raise Refused(401, "authentication_error", "This is no key of ours.", code="invalid_api_key")


def _addressed(request: Request, manners: ProviderBehavior) -> Json:
    """What some formats say in the address rather than in the body: the model, and whether to stream."""
    if "verb" not in request.path_params:
        return {}
    asked = isinstance(manners, Framed) or request.query_params.get("alt") == "sse"
    streamed = asked and "stream" in request.path_params["verb"]
    return {"model": request.path_params["model"], "stream": streamed}


async def _told(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise Refused(400, "invalid_request_error", "The body of the request is no JSON.") from error
    if not isinstance(body, dict):
        raise Refused(400, "invalid_request_error", "The body of the request must be a JSON object.")
    return body


async def _paced(events: Iterator[bytes], mishap: InjectedFault, pace: float) -> AsyncIterator[bytes]:
    for number, event in enumerate(events):
        if number == mishap.cut_after:
            raise Cut
        yield event
        await asyncio.sleep(pace)
