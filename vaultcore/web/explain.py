"""POST /v1/explain: where a chat request would go and what would be sent, without a call to anybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from vaultcore.client_apis import chat
from vaultcore.errors import NoRoute
from vaultcore.gateway.explain import explain
from vaultcore.services import Services
from vaultcore.web.body import read_json
from vaultcore.web.credentials import recognised
from vaultcore.web.inference import incoming
from vaultcore.web.passage import allowed
from vaultcore.web.reply import json_reply


def endpoint(services: Services) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        caller = await recognised(request, services)
        body = await read_json(request, services.settings.max_body)
        call = incoming(chat, services, request, body)
        keyring = (await services.secrets.current()).keyring
        with suppress(NoRoute):  # it is told why, where there is a route and no key
            call.targets = await allowed(services, caller, call)
        found = explain(call, services.catalog, keyring, services.health, services.clock)
        return json_reply(found.told(call))

    return answer
