"""POST /v1/explain: where a chat request would go and what would be sent, without a call to anybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from vaultcore.explanation import explain
from vaultcore.services import Services
from vaultcore.surfaces import chat
from vaultcore.web.access import require_data_key
from vaultcore.web.body import read_json
from vaultcore.web.inference import incoming
from vaultcore.web.reply import json_reply


def endpoint(services: Services) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        await require_data_key(request, services.secrets)
        body = await read_json(request, services.settings.max_body)
        call = incoming(chat, services, request, body)
        keyring = (await services.secrets.current()).keyring
        found = explain(call, services.catalog, keyring, services.health, services.clock)
        return json_reply(found.told(call))

    return answer
