"""Serves the data endpoints: authenticate, read, admit, run, settle, answer. One class for all rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from vaultcore.admission.caller import Caller
from vaultcore.call import Call, Worker, run_here
from vaultcore.casts import cast
from vaultcore.client_apis import ClientApi
from vaultcore.dialects import report_changes
from vaultcore.endpoints import Endpoint
from vaultcore.errors import GatewayError, StoreUnavailable
from vaultcore.lazy_dataclass import dataclass
from vaultcore.services import Services
from vaultcore.store.unavailable_reason import unavailable_reason
from vaultcore.usage.request_estimate import RequestEstimate
from vaultcore.web.body import FORM, JSON, LARGE, LargeBodies, content_type
from vaultcore.web.client_request import ClientRequest
from vaultcore.web.client_stream import ClientStream
from vaultcore.web.credentials import authenticate
from vaultcore.web.deadline import ENDING_TIME, remaining_time
from vaultcore.web.idempotency import HEADER, may_replay, run_once
from vaultcore.web.internal_error import internal_error
from vaultcore.web.options import OptionReader
from vaultcore.web.refusals import note_refusal
from vaultcore.web.reply import ClientResponse, call_headers, error_response, json_response
from vaultcore.web.streaming import stream_response
from vaultcore.web.strict_json import parse
from vaultcore.wire import Json

Handler = Callable[[ClientRequest], Awaitable[ASGIApp]]


class HandlerApp:
    """An ASGI application that answers with the response of a handler."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._handler(ClientRequest.of(scope, receive))
        await response(scope, receive, send)


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A parsed request: its call, the body as it was sent, and an estimate of its usage."""

    call: Call
    body: object
    estimate: RequestEstimate | None  # None: the endpoint is free of charge


class DataEndpoint:
    """One row of the endpoints, as an ASGI application."""

    def __init__(self, endpoint: Endpoint, services: Services, large_bodies: LargeBodies) -> None:
        self._endpoint, self._services, self._bodies = endpoint, services, large_bodies
        self._types = (*JSON, FORM) if endpoint.accepts_forms else JSON
        self._has_path_fields = "{" in endpoint.path or bool(endpoint.fields)
        self._options = OptionReader(services.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = ClientRequest.of(scope, receive)
        try:
            response = await self._respond(request)
        except GatewayError as error:
            response = _rejected(self._endpoint.errors, self._services, request, error)
        await response(scope, receive, send)

    async def _respond(self, request: ClientRequest) -> ASGIApp:
        endpoint, services = self._endpoint, self._services
        caller = await authenticate(request, services)
        is_idempotent = HEADER in request.headers
        if endpoint.estimate_usage is not None and not (is_idempotent and may_replay(request)):
            services.admission.limiter.refuse_early(caller)
        raw = await self._bodies.read(request, services.settings.max_body, self._types)
        if len(raw) <= LARGE:
            incoming = self._parse(request, raw, run_here)
        else:
            worker = self._bodies.worker(len(raw))
            incoming = await worker(self._parse, request, raw, worker)
        call, estimate = incoming.call, incoming.estimate
        if estimate is None:
            return await _run_free(endpoint, services, caller, call)
        if is_idempotent:
            run = partial(self._run, request, caller, call, estimate)
            return await run_once(services, request, caller, call, body=incoming.body, run=run)
        return await self._run(request, caller, call, estimate)

    def _parse(self, request: ClientRequest, raw: bytes, worker: Worker) -> IncomingCall:
        """Return the call that a request makes, and what it may use. Raises InvalidRequest."""
        endpoint = self._endpoint
        body = _parser(request)(raw) if endpoint.accepts_forms else parse(raw)
        if self._has_path_fields:
            body = endpoint.with_path(body, request.path_params)
        call = build_call(endpoint, self._services, self._options, request, body, worker=worker)
        if endpoint.estimate_usage is None:
            return IncomingCall(call, body, None)
        native = call.native.body if call.native else None
        return IncomingCall(call, body, endpoint.estimate_usage(call.request, native))

    async def _run(
        self, request: ClientRequest, caller: Caller, call: Call, estimate: RequestEstimate
    ) -> ASGIApp:
        """Run an admitted call. It is settled whichever way it ends."""
        endpoint, services = self._endpoint, self._services
        admitted = await services.admission.admit(caller, call, estimate)
        try:
            if endpoint.streams and call.is_streaming:
                framing = endpoint.framing(request.query)
                encoder = endpoint.encoder(call.request, request.headers)
                client = ClientStream(endpoint.errors, encoder)
                return await stream_response(client, services, admitted, framing)
            body = await endpoint.run(services.gateway, admitted.call)
            await admitted.settle(200)
        except GatewayError as error:
            await admitted.settle(error.status, error)
            headers = {**call_headers(call), **admitted.rate_limit_headers}
            return error_response(error, endpoint.errors, headers)
        except Exception:  # a bug: RequestMiddleware logs it and answers 500, and the call costs nothing
            await admitted.settle(500, internal_error(call.id))
            raise
        except BaseException as raised:
            if (stop := services.shutdown.error_for(raised)) is None:
                await admitted.abandon()
                raise
            await admitted.settle(stop.status, stop)
            headers = {**call_headers(call), **admitted.rate_limit_headers}
            return error_response(stop, endpoint.errors, headers)
        headers = {**call_headers(call), **admitted.rate_limit_headers}
        return json_response(_explained(call, body) if call.explain else body, headers=headers)


def _parser(request: ClientRequest) -> Callable[[bytes], object]:
    if content_type(request) != FORM:
        return parse
    from vaultcore.web.form import parse_form  # for few requests only

    return partial(parse_form, content_type=request.headers["content-type"])


async def _run_free(endpoint: Endpoint, services: Services, caller: Caller, call: Call) -> ClientResponse:
    """Run a call that costs nothing: its targets are checked, and nothing is reserved or recorded."""
    targeted = call.with_targets(await services.admission.allowed_targets(caller, call))
    body = await endpoint.run(services.gateway, targeted)
    services.log.request(request_id=call.id, client_id=call.client_id, path=call.path, status=200, code=None)
    return json_response(body, headers=call_headers(call))


def build_call(
    endpoint: Endpoint,
    services: Services,
    reader: OptionReader,
    request: ClientRequest,
    body: object,
    *,
    worker: Worker = run_here,
) -> Call:
    """Return a request as a call, and attach it to the observed request. Raises InvalidRequest."""
    now, observed, options = services.clock.now(), request.observed, reader.read(request.headers)
    observed.call = call = Call(
        id=observed.id,
        client_id=observed.client_id,
        trace=observed.trace,
        path=request.path,
        caller=request.caller.id if request.caller else "",
        operation=endpoint.operation,
        seals_state=endpoint.seals_state,
        request=endpoint.api.parse_request(body),
        started=now,
        retry_policy=options.retry_policy,
        strategy=options.strategy,
        strict=options.strict,
        explain=options.explain,
        native=endpoint.native(cast(Json, body), request.combined_headers),
        deadline=now + remaining_time(request.scope) - ENDING_TIME,
        worker=worker,
    )
    return call


def _explained(call: Call, body: Json) -> Json:
    """Return the body with the translation report."""
    return {**body, "vaultedge": {"translation": report_changes(call.outcome.changes)}}


def _rejected(
    api: ClientApi, services: Services, request: ClientRequest, error: GatewayError
) -> ClientResponse:
    """Return the response to a request that became no call, and log it."""
    note_refusal(services, request, error)
    reason = {"reason": unavailable_reason(error)} if isinstance(error, StoreUnavailable) else {}
    services.log.request(
        request_id=request.observed.id,
        client_id=request.observed.client_id,
        path=request.path,
        status=error.status,
        code=error.code,
        **reason,
    )
    return error_response(error, api)
