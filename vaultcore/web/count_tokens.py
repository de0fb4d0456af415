"""POST /v1/messages/count_tokens: how long a prompt is, by who will read it or, failing that, by a guess."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from vaultcore.call import Call
from vaultcore.client_apis import messages
from vaultcore.errors import AttemptsExhausted, GatewayError
from vaultcore.services import Services
from vaultcore.tracing import HttpRequest
from vaultcore.usage.token_estimate import estimate
from vaultcore.web.body import read_json
from vaultcore.web.credentials import recognised
from vaultcore.web.inference import incoming
from vaultcore.web.passage import allowed
from vaultcore.web.reply import error_reply, json_reply, told
from vaultcore.wire import Json

PATH = "/messages/count_tokens"


def endpoint(services: Services) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that counts; `estimated` in its answer says that nobody knew exactly."""

    async def answer(request: Request) -> Response:
        headers: dict[str, str] = {}
        try:
            caller = await recognised(request, services)
            body = await read_json(request, services.settings.max_body)
            call = incoming(messages, services, request, body, messages.native_request)
            call.targets = await allowed(services, caller, call)
            counted, headers = await _counted(services, call), told(call)
        except GatewayError as error:
            _log(services, request, error.status, error.code)
            return error_reply(error, messages, headers)
        _log(services, request, 200)
        return json_reply(counted, headers=headers)

    return answer


async def _counted(services: Services, call: Call) -> Json:
    """What the provider says. One that cannot count, or cannot be reached now, is no reason to fail."""
    try:
        counted = await services.gateway.relay(call, PATH)
    except AttemptsExhausted:
        counted = None
    return counted or {"input_tokens": estimate(call.request), "estimated": True}


def _log(services: Services, request: Request, status: int, code: str | None = None) -> None:
    visit: HttpRequest = request.scope["state"]["visit"]
    services.log.request(
        request_id=visit.id, client_id=visit.client_id, path=request.url.path, status=status, code=code
    )
