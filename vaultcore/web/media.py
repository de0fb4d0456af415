"""The endpoints that make embeddings and images: called, counted and logged as a chat request is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from vaultcore.admission.caller import Caller
from vaultcore.call import Call
from vaultcore.client_apis import chat
from vaultcore.errors import GatewayError
from vaultcore.media import Kind, MediaApi
from vaultcore.services import Services
from vaultcore.usage import request_estimate
from vaultcore.usage.request_estimate import RequestEstimate
from vaultcore.web import inference
from vaultcore.web.body import read_json
from vaultcore.web.credentials import recognised
from vaultcore.web.idempotency import once
from vaultcore.web.passage import admit
from vaultcore.web.reply import error_reply, json_reply

WANTED: Mapping[Kind, Callable[[Mapping[str, object]], RequestEstimate]] = {
    "embeddings": request_estimate.embedding,
    "images": request_estimate.pictures,
}


def endpoint(artifact: MediaApi, services: Services) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for one artifact; errors are in chat's envelope."""

    async def answer(request: Request) -> Response:
        try:
            caller = await recognised(request, services)
            body = await read_json(request, services.settings.max_body)
            call = inference.incoming(artifact, services, request, body)
            run = partial(asked, caller, call)
            return await once(services, request, caller, call, body=body, forwarded=artifact.headers, run=run)
        except GatewayError as error:
            return inference.refused(chat, services, request, error)

    async def asked(caller: Caller, call: Call) -> Response:
        passage = await admit(services, caller, call, WANTED[artifact.kind](call.request))
        try:
            made = await services.gateway.artifact(call, artifact)
            await passage.settle(200)
        except GatewayError as error:
            await passage.settle(error.status, error)
            return error_reply(error, chat, passage.headers)
        except BaseException:
            await passage.abandon()
            raise
        return json_reply(inference.explained(call, made), headers=passage.headers)

    return answer
