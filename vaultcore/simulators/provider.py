"""A simulated provider as an ASGI app: its behavior, its keys and its faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, runtime_checkable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from vaultcore.lazy_dataclass import dataclass
from vaultcore.simulators.faults import (
    ConnectionCut,
    FaultScript,
    InjectedFault,
    SimulatedError,
    SimulatedRequest,
)
from vaultcore.simulators.media_routes import media_routes, require_key
from vaultcore.simulators.reply import Json, Prompt, Reply, generate_reply

GenerateReply = Callable[[Json, Prompt], Reply]  # from a request's body and its prompt


class ProviderBehavior(Protocol):
    """The interface of a module that simulates one family of providers."""

    PATH: str  # of completions, below the base URL
    MODELS: tuple[str, ...]

    def request_key(self, headers: Mapping[str, str]) -> str:
        """Return the key of a request, "" if it has none."""
        ...

    def validate_request(self, headers: Mapping[str, str], body: Json) -> None:
        """Raise SimulatedError if the request breaks a rule of the provider."""
        ...

    def can_search(self, body: Json) -> bool:
        """Return True if the request lets the provider search the web."""
        ...

    def parse_prompt(self, title: str, body: Json) -> Prompt: ...

    def render_completion(self, body: Json, reply: Reply) -> Json: ...

    def render_events(self, body: Json, reply: Reply) -> Iterator[bytes]: ...

    def render_error(self, error: SimulatedError) -> Json: ...

    def render_models(self, title: str, names: tuple[str, ...]) -> Json: ...


@runtime_checkable
class EventStreamBehavior(ProviderBehavior, Protocol):
    """A provider whose streams are not server-sent events, and whose errors are named by a header."""

    STREAM: str  # the media type of its streams

    def error_headers(self, error: SimulatedError) -> Mapping[str, str]: ...


JsonEndpoint = Callable[[Mapping[str, str], Json], Json]  # headers, body -> the body of the response


@runtime_checkable
class MoreEndpoints(Protocol):
    """A behavior with further endpoints for the same keys: it counts tokens or compacts a conversation."""

    ENDPOINTS: Mapping[str, JsonEndpoint]  # by path


def reply_to_prompt(_body: Json, prompt: Prompt) -> Reply:
    """Return the default model's reply."""
    return generate_reply(prompt)


def application(
    behavior: ProviderBehavior,
    title: str,
    keys: tuple[str, ...],
    script: FaultScript,
    *,
    pace: float = 0.0,
    also: Sequence[ProviderBehavior] = (),
    model: GenerateReply = reply_to_prompt,
) -> Starlette:
    """Return the provider's app, which accepts `keys`; `pace` is in seconds between two events of a stream.

    `also` are more behaviors on other paths, with the same keys and script. `model` generates the replies.
    """
    endpoints = _Endpoints(behavior, title, keys, script, pace, model)
    completions = [
        Route(f"/v1{each.PATH}", partial(endpoints.complete, behavior=each), methods=["POST"])
        for each in (behavior, *also)
    ]
    others = [
        Route(f"/v1{path}", partial(endpoints.respond, behavior=each, answer=answer), methods=["POST"])
        for each in (behavior, *also)
        if isinstance(each, MoreEndpoints)
        for path, answer in each.ENDPOINTS.items()
    ]
    return Starlette(
        routes=[
            *others,
            *completions,
            Route("/v1/models", endpoints.list_models, methods=["GET"]),
            *media_routes(keys, script),
        ],
        exception_handlers={SimulatedError: endpoints.handle_error},
    )


@dataclass(frozen=True, slots=True)
class _Endpoints:
    """The endpoints of one simulated provider."""

    behavior: ProviderBehavior
    title: str
    keys: tuple[str, ...]
    script: FaultScript
    pace: float  # seconds between two events of a stream
    model: GenerateReply

    async def respond(self, request: Request, behavior: ProviderBehavior, answer: JsonEndpoint) -> Response:
        body = {**await _read_body(request), **request.path_params}
        await self._accept(request, body, behavior)
        return JSONResponse(answer(request.headers, body))

    async def complete(self, request: Request, behavior: ProviderBehavior) -> Response:
        body = {**await _read_body(request), **_path_fields(request, behavior)}
        fault = await self._accept(request, body, behavior)
        is_streaming = body.get("stream") is True
        behavior.validate_request(request.headers, body)
        reply = self.model(body, behavior.parse_prompt(self.title, body))
        if fault.usage is not None:
            reply = replace(reply, prompt_tokens=fault.usage[0], completion_tokens=fault.usage[1])
        if fault.searches and behavior.can_search(body):
            reply = replace(reply, searches=fault.searches)
        if is_streaming:
            media_type = behavior.STREAM if isinstance(behavior, EventStreamBehavior) else "text/event-stream"
            events = _pace_events(behavior.render_events(body, reply), fault, self.pace)
            return StreamingResponse(events, media_type=media_type)
        return JSONResponse(behavior.render_completion(body, reply))

    async def _accept(self, request: Request, body: Json, behavior: ProviderBehavior) -> InjectedFault:
        """Record the request and return its fault. Raise SimulatedError for an error or a wrong key."""
        is_authorized = behavior.request_key(request.headers) in self.keys
        name = str(body.get("model", ""))
        is_streaming = body.get("stream") is True
        self.script.requests.append(
            SimulatedRequest(request.url.path, name, is_streaming, is_authorized, body)
        )
        fault = self.script.next(name)
        await asyncio.sleep(fault.delay)
        if fault.status is not None:
            raise SimulatedError(
                fault.status,
                ERROR_TYPES.get(fault.status, "api_error"),
                fault.message,
                retry_after=fault.retry_after,
                details=fault.details,
            )
        require_key(is_authorized)
        return fault

    async def list_models(self, request: Request) -> Response:
        require_key(self.behavior.request_key(request.headers) in self.keys)
        return JSONResponse(self.behavior.render_models(self.title, self.behavior.MODELS))

    async def handle_error(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, SimulatedError)  # noqa: S101 - the only exception it is registered for
        behavior = self.behavior
        headers = dict(behavior.error_headers(error)) if isinstance(behavior, EventStreamBehavior) else {}
        headers |= {} if error.retry_after is None else {"retry-after": f"{error.retry_after:g}"}
        return JSONResponse(behavior.render_error(error), error.status, headers)


ERROR_TYPES = {  # by HTTP status
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def _path_fields(request: Request, behavior: ProviderBehavior) -> Json:
    """Return the model and whether to stream, for formats that have them in the path, else {}."""
    if "verb" not in request.path_params:
        return {}
    can_stream = isinstance(behavior, EventStreamBehavior) or request.query_params.get("alt") == "sse"
    is_streaming = can_stream and "stream" in request.path_params["verb"]
    return {"model": request.path_params["model"], "stream": is_streaming}


async def _read_body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise SimulatedError(400, "invalid_request_error", "The request body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise SimulatedError(400, "invalid_request_error", "The request body must be a JSON object.")
    return body


async def _pace_events(events: Iterator[bytes], fault: InjectedFault, pace: float) -> AsyncIterator[bytes]:
    for number, event in enumerate(events):
        if number == fault.cut_after:
            raise ConnectionCut
        yield event
        await asyncio.sleep(pace)
