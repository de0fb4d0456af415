"""The endpoints that make embeddings and images: called, counted and logged as a chat request is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from vaultcore.artifacts import Artifact
from vaultcore.errors import GatewayError
from vaultcore.services import Services
from vaultcore.surfaces import chat
from vaultcore.web import inference
from vaultcore.web.access import require_data_key
from vaultcore.web.body import read_json
from vaultcore.web.reply import error_reply, json_reply, told


def endpoint(artifact: Artifact, services: Services) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for one artifact; errors are in chat's envelope."""

    async def answer(request: Request) -> Response:
        try:
            await require_data_key(request, services.secrets)
            body = await read_json(request, services.settings.max_body)
            call = inference.incoming(artifact, services, request, body)
        except GatewayError as error:
            return inference.refused(chat, services, request, error)
        try:
            made = await services.gateway.artifact(call, artifact)
        except GatewayError as error:
            inference.note(services, call, error.status, error)
            return error_reply(error, chat, told(call))
        inference.note(services, call, 200)
        return json_reply(inference.explained(call, made), headers=told(call))

    return answer
